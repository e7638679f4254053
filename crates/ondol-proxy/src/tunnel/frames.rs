//! Where one frame of a WebSocket ends and the next begins (RFC 6455 §5.2), of bytes that pass by. Pure.

/// How far into the frames the bytes have come that have passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Frames {
    at: At,
    /// Whether the last frame says that it is the last.
    has_closed: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Begin,
    Second,
    Length {
        bytes_left: u8,
        so_far: u64,
        is_masked: bool,
    },
    Mask {
        bytes_left: u8,
        payload: u64,
    },
    Payload {
        bytes_left: u64,
    },
}

const OPCODE: u8 = 0x0F;
const CLOSE: u8 = 0x8;
const MASKED: u8 = 0x80;
const MASK_BYTES: u8 = 4;

impl Frames {
    /// Follows more bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let At::Payload { bytes_left } = self.at {
                let here =
                    usize::try_from(bytes_left).map_or(bytes.len(), |it| it.min(bytes.len()));
                self.at = At::payload(bytes_left - here as u64);
                bytes = &bytes[here..];
            } else {
                self.step(byte);
                bytes = rest;
            }
        }
    }

    /// Whether another frame may be put in here.
    pub(super) fn is_between(&self) -> bool {
        self.at == At::Begin
    }

    /// Whether nothing may follow what has passed.
    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    fn step(&mut self, byte: u8) {
        self.at = match self.at {
            At::Begin => {
                self.has_closed = byte & OPCODE == CLOSE;
                At::Second
            }
            At::Second => At::behind_second(byte),
            At::Length {
                bytes_left,
                so_far,
                is_masked,
            } => {
                let so_far = (so_far << 8) | u64::from(byte);
                match bytes_left {
                    0 | 1 => At::behind_length(so_far, is_masked),
                    _ => At::Length {
                        bytes_left: bytes_left - 1,
                        so_far,
                        is_masked,
                    },
                }
            }
            At::Mask {
                bytes_left: 0 | 1,
                payload,
            } => At::payload(payload),
            At::Mask {
                bytes_left,
                payload,
            } => At::Mask {
                bytes_left: bytes_left - 1,
                payload,
            },
            At::Payload { bytes_left } => At::payload(bytes_left.saturating_sub(1)),
        };
    }
}

impl At {
    fn behind_second(byte: u8) -> Self {
        let is_masked = byte & MASKED != 0;
        let long = |bytes_left| Self::Length {
            bytes_left,
            so_far: 0,
            is_masked,
        };
        match byte & !MASKED {
            126 => long(2),
            127 => long(8),
            length => Self::behind_length(u64::from(length), is_masked),
        }
    }

    fn behind_length(payload: u64, is_masked: bool) -> Self {
        if is_masked {
            Self::Mask {
                bytes_left: MASK_BYTES,
                payload,
            }
        } else {
            Self::payload(payload)
        }
    }

    fn payload(bytes_left: u64) -> Self {
        match bytes_left {
            0 => Self::Begin,
            bytes_left => Self::Payload { bytes_left },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, payload: &[u8], is_masked: bool) -> Vec<u8> {
        let mask = if is_masked { MASKED } else { 0 };
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..126 => frame.push(u8::try_from(length).unwrap() | mask),
            length @ 126..65_536 => {
                frame.push(126 | mask);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                frame.push(127 | mask);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if is_masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn only_the_end_of_a_frame_is_between_two() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            for is_masked in [true, false] {
                let bytes = frame(0x82, &vec![0x88; length], is_masked);
                let mut frames = Frames::default();
                for byte in &bytes[..bytes.len() - 1] {
                    frames.pass(&[*byte]);
                    assert!(!frames.is_between(), "{length} {is_masked}");
                }
                frames.pass(&bytes[bytes.len() - 1..]);
                assert!(frames.is_between() && !frames.has_closed());
            }
        }
    }

    #[test]
    fn a_close_frame_is_the_last() {
        let mut frames = Frames::default();
        frames.pass(&frame(0x81, b"hello", false));
        assert!(!frames.has_closed());
        frames.pass(&frame(0x88, &[3, 0xE8], false));
        assert!(frames.has_closed() && frames.is_between());
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_frames_are_the_same(
            lengths in proptest::collection::vec(0_usize..400, 1..6),
            cuts in proptest::collection::vec(1_usize..90, 1..40),
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|length| frame(0x82, &vec![7; *length], length % 2 == 0)).collect();
            let mut whole = Frames::default();
            whole.pass(&bytes);
            prop_assert!(whole.is_between());
            let (mut rest, mut pieces) = (&bytes[..], Frames::default());
            for cut in cuts.iter().cycle() {
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                pieces.pass(piece);
                rest = left;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(pieces, whole);
        }
    }
}
