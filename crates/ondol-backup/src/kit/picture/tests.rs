//! A camera reads from the picture what stands on the sheet.

use std::process::Command;

use ondol_base::file;

use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;
use crate::kit::Kit;

fn large() -> Kit {
    let target = TargetAccess {
        name: "offsite".to_owned(),
        storage: StorageAccess::S3 {
            endpoint: "https://s3.eu-central-003.backblazeb2.com".to_owned(),
            region: "eu-central-003".to_owned(),
            bucket: "backups-of-the-box-in-seocho".to_owned(),
            prefix: "boxes/seocho".to_owned(),
            key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Hidden("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        },
        append_only: true,
    };
    let password = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    Kit::new(target, Hidden(password.to_owned()), "seocho")
}

/// What zbarimg sees; `None` where that is not installed.
fn seen(picture: &std::path::Path) -> Option<String> {
    let zbarimg = Command::new("zbarimg")
        .args(["--raw", "--quiet"])
        .arg(picture)
        .output();
    let Ok(output) = zbarimg else {
        println!("skipped: zbarimg is not installed");
        return None;
    };
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_camera_reads_the_png() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kit.png");
    let kit = large();
    file::replace(&path, &kit.png().unwrap(), 0o600).unwrap();
    if let Some(text) = seen(&path) {
        assert_eq!(Kit::parse(&text), Ok(kit));
    }
}

#[test]
fn the_picture_on_a_terminal_and_as_svg_has_the_same_modules() {
    let kit = large();
    let terminal = kit.terminal().unwrap();
    let rows: Vec<Vec<char>> = terminal
        .lines()
        .map(|line| {
            let inner = line.split('m').nth(1).unwrap();
            inner.trim_end_matches("\x1b[0").chars().collect()
        })
        .collect();
    let side = rows[0].len();
    assert!(side <= 80, "{side} columns are too many for a terminal");
    assert_eq!(rows.len(), side.div_ceil(2));
    let dark = rows.iter().flatten().map(|c| match c {
        ' ' => 2,
        '▄' | '▀' => 1,
        '█' => 0,
        other => panic!("{other:?} is no half of a module"),
    });
    // Where the number of rows is odd, there is half a row of dark below.
    let dark = dark.sum::<usize>() - if side % 2 == 1 { side } else { 0 };
    // Of a code on paper, which has more to spare.
    assert!(kit.svg().unwrap().matches("h1v1h-1z").count() > dark);
}

#[test]
fn what_is_too_much_for_a_picture_has_none() {
    let mut kit = large();
    kit.password = Hidden("p".repeat(10_000));
    assert_eq!(kit.png(), None);
    assert!(Kit::parse(&kit.sheet()).is_err());
}
