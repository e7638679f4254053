//! The sheet of paper.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use super::Kept;
use super::said;
use super::word_lines;

#[test]
fn the_kit_is_printed_drawn_and_typed_back() {
    let kept = Kept::new();
    let path = |name: &str| kept.path(name).display().to_string();
    kept.done(&[
        "backup",
        "kit",
        "--text",
        &path("kit.txt"),
        "--picture",
        &path("kit.png"),
    ]);
    let again = kept.refused(&["backup", "kit", "--text", &path("kit.txt")]);
    assert!(again.contains("could not make"), "{again}");
    let sheet = kept.text("kit.txt");
    assert!(sheet.contains("ondol recover --kit kit.txt"), "{sheet}");
    let lines = word_lines(&sheet);
    assert_eq!(lines.len(), 3, "{sheet}");
    match Command::new("zbarimg")
        .args(["-q", "--raw"])
        .arg(path("kit.png"))
        .output()
    {
        Ok(read) => {
            let read = String::from_utf8(read.stdout).unwrap();
            // Four letters of a word are enough for a camera, and make the picture smaller.
            let words = lines.iter().flat_map(|line| line.split(' '));
            let short: Vec<_> = words.map(|word| word.get(..4).unwrap_or(word)).collect();
            assert!(read.contains(&short.join(" ")), "{read}");
        }
        Err(_) => println!("skipped: there is no zbarimg"),
    }
    let warned = kept.done(&["backups"]);
    assert!(warned.contains("was never confirmed"), "{warned}");
    assert!(!type_back(&kept, "not\nthe\nwords\n").contains("That is right"));
    // One of the three lines is asked for, and there are three tries.
    let told = type_back(&kept, &format!("{}\n", lines.join("\n")));
    assert!(told.contains("That is right"), "{told}");
    let shown = kept.done(&["backups"]);
    assert!(shown.contains("you had it in your hands"), "{shown}");
}

fn type_back(kept: &Kept, lines: &str) -> String {
    let folders = &kept.running.folders;
    let mut command = folders.command(&["backup", "kit", "--confirm"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    said(&child.wait_with_output().unwrap())
}
