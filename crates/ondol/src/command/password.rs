//! `ondol password`: the hash of a password, for `basic_auth`. It asks nobody and keeps nothing.

mod hidden;

use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use ondol_base::slow_hash;
use ondol_model::limits::PASSWORD_BYTES_MAX;
use ondol_model::password::Argon2Cost;
use ondol_model::password::PasswordHash;

use crate::cli::PasswordFlags;
use crate::output;

/// 19 MiB twice: what OWASP recommends where a small machine checks passwords. A few dozen milliseconds.
const ARGON2ID: Argon2Cost = Argon2Cost {
    memory_kib: 19 * 1024,
    passes: 2,
    lanes: 1,
};
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// A quarter of a second.
const BCRYPT_COST: u32 = 12;
/// What bcrypt uses of a password.
const BCRYPT_BYTES_MAX: usize = 72;

/// Prints the hash, and nothing else on standard output.
pub(crate) fn run(flags: &PasswordFlags) -> anyhow::Result<ExitCode> {
    let password = if io::stdin().is_terminal() {
        hidden::ask_twice()?
    } else {
        first_line()?
    };
    check(&password, flags)?;
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt)
        .ok()
        .context("the system has no random numbers")?;
    let hash = if flags.bcrypt {
        bcrypt(&password, salt)
    } else {
        argon2id(&password, salt)
    };
    let hash = hash.context("the hash could not be computed")?;
    output::print(&format!("{hash}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Of a pipe or a file.
fn first_line() -> anyhow::Result<Vec<u8>> {
    let most = PASSWORD_BYTES_MAX as u64 + 2; // Enough to see that it is too long.
    let mut line = Vec::new();
    let mut input = io::stdin().lock().take(most);
    input
        .read_until(b'\n', &mut line)
        .context("the password could not be read")?;
    if line.ends_with(b"\n") {
        line.pop();
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    Ok(line)
}

fn check(password: &[u8], flags: &PasswordFlags) -> anyhow::Result<()> {
    anyhow::ensure!(!password.is_empty(), "there is no password");
    anyhow::ensure!(
        password.len() <= PASSWORD_BYTES_MAX,
        "a password has at most {PASSWORD_BYTES_MAX} bytes"
    );
    anyhow::ensure!(
        !password.contains(&0),
        "no browser can send a password with a zero byte"
    );
    anyhow::ensure!(
        !flags.bcrypt || password.len() <= BCRYPT_BYTES_MAX,
        "bcrypt uses only the first {BCRYPT_BYTES_MAX} bytes of a password; leave --bcrypt out"
    );
    Ok(())
}

fn argon2id(password: &[u8], salt: [u8; SALT_BYTES]) -> Option<PasswordHash> {
    let cost = (ARGON2ID.memory_kib, ARGON2ID.passes, ARGON2ID.lanes);
    Some(PasswordHash::Argon2id {
        cost: ARGON2ID,
        salt: salt.to_vec(),
        hash: slow_hash::argon2id(password, &salt, cost, HASH_BYTES)?,
    })
}

fn bcrypt(password: &[u8], salt: [u8; SALT_BYTES]) -> Option<PasswordHash> {
    Some(PasswordHash::Bcrypt {
        cost: BCRYPT_COST,
        salt,
        hash: slow_hash::bcrypt(password, salt, BCRYPT_COST)?,
    })
}
