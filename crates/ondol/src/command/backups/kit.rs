//! `ondol backup kit`: the recovery kit on the screen, in a file, as a picture; and whether the owner can read it.

use std::fs::OpenOptions;
use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use ondol_admin::api;
use ondol_admin::client::Client;
use ondol_backup::kit::Kit;

use super::follow;
use crate::cli::KitFlags;
use crate::output;
use crate::output::Format;
use crate::output::Screen;

/// How often a line may be mistyped.
const ATTEMPTS: u32 = 3;
/// Longer than any line of a kit.
const TYPED_BYTES_MAX: u64 = 4 * 1024;

pub(in crate::command) async fn run(client: &Client, flags: &KitFlags) -> anyhow::Result<ExitCode> {
    let KitFlags {
        target,
        confirm,
        text,
        picture,
    } = flags;
    let target = target.clone();
    let answer = client.kit(&api::KitQuestion { target }).await?;
    let Some(sheet) = answer.sheet.filter(|_| answer.accepted) else {
        return follow::refused(&answer.message, Format::Human);
    };
    let kit = Kit::parse(&sheet).context("the agent's kit can't be read")?;
    if *confirm {
        return confirmed(client, &kit).await;
    }
    if let Some(file) = picture {
        write(file, &drawn(&kit, file)?)?;
    }
    if let Some(file) = text {
        write(file, sheet.as_bytes())?;
    }
    if text.is_none() && picture.is_none() {
        print(&kit, &sheet)?;
    }
    if io::stderr().is_terminal() {
        let hint = "Put it on paper and out of the house. Then `ondol backup kit --confirm` asks for a line of it.";
        output::tell(hint)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The sheet; on a terminal with the picture that a camera reads.
fn print(kit: &Kit, sheet: &str) -> anyhow::Result<()> {
    let mut text = sheet.to_owned();
    let width = Screen::of_standard_output().width;
    if let Some(picture) = kit.terminal().filter(|_| width.is_some()) {
        text.push('\n');
        text.push_str(&picture);
        text.push('\n');
    }
    Ok(output::print(&text)?)
}

fn drawn(kit: &Kit, file: &Path) -> anyhow::Result<Vec<u8>> {
    let ending = file.extension().and_then(|ending| ending.to_str());
    let picture = match ending {
        Some("svg") => kit.svg().map(String::into_bytes),
        Some("png") => kit.png(),
        Some(_) | None => anyhow::bail!("{} ends neither in .svg nor in .png", file.display()),
    };
    picture.context("there is too much in this kit for a picture: print the sheet")
}

/// A new file that others can't read.
fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let mut opened = opened.with_context(|| format!("could not make {}", file.display()))?;
    let written = opened.write_all(content).and_then(|()| opened.sync_all());
    written.with_context(|| format!("could not write {}", file.display()))?;
    let sentence = format!(
        "{} is written: whoever reads it can read the backups.",
        file.display()
    );
    Ok(output::tell(&sentence)?)
}

/// Has a line typed back.
async fn confirmed(client: &Client, kit: &Kit) -> anyhow::Result<ExitCode> {
    let challenge = kit.challenge();
    for _ in 0..ATTEMPTS {
        let Some(typed) = typed(&challenge.question())? else {
            break;
        };
        if challenge.is_met(&typed) {
            let answer = client.kit_confirmed().await?;
            if !answer.accepted {
                return follow::refused(&answer.message, Format::Human);
            }
            let well = "That is right: your kit opens the backups. Ondol asks again in a year.\n";
            output::print(well)?;
            return Ok(ExitCode::SUCCESS);
        }
        let line = challenge.line();
        follow::complain(&format!("that is not what stands in line {line}"))?;
    }
    follow::complain("the kit is not confirmed: try again, or print another (`ondol backup kit`)")?;
    Ok(ExitCode::FAILURE)
}

/// `None` at the end of the input.
fn typed(question: &str) -> anyhow::Result<Option<String>> {
    let mut errors = io::stderr().lock();
    write!(errors, "{question}: ")?;
    errors.flush()?;
    let mut line = String::new();
    let mut input = io::Read::take(io::stdin().lock(), TYPED_BYTES_MAX);
    let read = input.read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}
