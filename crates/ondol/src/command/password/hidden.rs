//! Asks for a password at a terminal, which does not show it.

use std::io;
use std::io::Bytes;
use std::io::Read;
use std::io::Stdin;
use std::io::StdinLock;
use std::io::Write;

use anyhow::Context;
use ondol_model::limits::PASSWORD_BYTES_MAX;
use rustix::termios;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::SpecialCodeIndex;
use rustix::termios::Termios;

// Keys that the terminal no longer handles itself.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const CLEAR_LINE: u8 = 0x15;

/// Asks, and asks again until it is the same: what nobody sees is easily mistyped.
pub(super) fn ask_twice() -> anyhow::Result<Vec<u8>> {
    let stdin = io::stdin();
    let _silent =
        Silent::make(&stdin).context("the terminal could not be told to hide the password")?;
    let mut keys = stdin.lock().bytes();
    let first = ask("Password: ", &mut keys)?;
    let second = ask("Once more: ", &mut keys)?;
    anyhow::ensure!(
        first == second,
        "the two passwords differ, so there is no hash; try again"
    );
    Ok(first)
}

fn ask(question: &str, keys: &mut Bytes<StdinLock<'_>>) -> anyhow::Result<Vec<u8>> {
    say(question);
    let line = line(keys);
    say("\n");
    line
}

/// To standard error, because standard output is for the hash.
fn say(text: &str) {
    let mut terminal = io::stderr();
    let _ = terminal.write_all(text.as_bytes()); // A question that nobody sees can still be answered.
    let _ = terminal.flush();
}

fn line(keys: &mut Bytes<StdinLock<'_>>) -> anyhow::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let key = keys.next().transpose()?;
        match key {
            Some(b'\n' | b'\r') => return Ok(line),
            None | Some(INTERRUPT | END) => anyhow::bail!("stopped; there is no hash"),
            Some(key) if BACKSPACE.contains(&key) => remove_last_letter(&mut line),
            Some(CLEAR_LINE) => line.clear(),
            // One more than there may be, so that it is found out.
            Some(key) if line.len() <= PASSWORD_BYTES_MAX => line.push(key),
            Some(_) => {}
        }
    }
}

/// A letter of UTF-8 may have several bytes.
fn remove_last_letter(line: &mut Vec<u8>) {
    while let Some(byte) = line.pop() {
        if byte & 0b1100_0000 != 0b1000_0000 {
            return;
        }
    }
}

/// A terminal that shows nothing and handles no key, until this is dropped. So an interruption comes as a
/// key too, and can't leave the terminal silent.
struct Silent<'t> {
    terminal: &'t Stdin,
    before: Termios,
}

impl<'t> Silent<'t> {
    fn make(terminal: &'t Stdin) -> io::Result<Self> {
        let before = termios::tcgetattr(terminal)?;
        let mut silent = before.clone();
        let handled = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        silent.local_modes.remove(handled);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // There is nobody to tell when the terminal is gone.
        let _ = termios::tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}
