//! What is read at once.

use super::*;

fn need(pack: u8, offset: u32, stored: u32, user: usize) -> Need {
    Need {
        id: DataId::default(),
        piece: Piece {
            pack: [pack; 32],
            pack_bytes: 0,
            offset,
            stored,
            length: stored,
            is_compressed: false,
        },
        users: vec![(user, 0)],
    }
}

#[test]
fn neighbours_are_read_at_once_and_packs_in_the_order_of_files() {
    const MIB: u32 = 1024 * 1024;
    let needs = vec![
        need(b'b', 0, 100, 5),
        need(b'a', 3 * MIB, MIB, 2),
        need(b'a', 0, MIB, 3),
        need(b'a', MIB + 1000, MIB, 4),
        need(b'c', 0, 6 * MIB, 0),
        need(b'c', 6 * MIB, 6 * MIB, 1),
    ];
    let reads: Vec<_> = reads(needs)
        .into_iter()
        .map(|read| {
            (
                read.needs[0].piece.pack[0],
                read.from,
                read.to,
                read.needs.len(),
            )
        })
        .collect();
    let mib = u64::from(MIB);
    let expected = [
        (b'c', 0, 6 * mib, 1),
        (b'c', 6 * mib, 12 * mib, 1),
        (b'a', 3 * mib, 4 * mib, 1),
        (b'a', 0, 2 * mib + 1000, 2),
        (b'b', 0, 100, 1),
    ];
    assert_eq!(reads, expected);
}
