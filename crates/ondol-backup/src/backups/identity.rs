//! Which box this is, and the password that it made. Blocks on the disk.

use std::fmt::Write as _;
use std::io;

use ondol_base::chain::Chain;
use ondol_base::file;
use ondol_base::secret;
use ondol_model::plan::Backup;

use crate::access::Hidden;
use crate::backups::spec;
use crate::kit;
use crate::places::Places;

/// A random name for a box.
pub(crate) fn new_id() -> String {
    let mut bytes = [0; 16];
    // Without chance the name would be that of another such box; the clock makes it differ all the same.
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        bytes = (u128::from(ondol_base::clock::monotonic_us()) << 64
            | u128::try_from(ondol_base::clock::unix_milliseconds()).unwrap_or(0))
        .to_be_bytes();
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // A text takes everything.
        text
    })
}

/// The password of the repositories: the owner's, or one that is made now and kept from then on.
pub(crate) fn password(backup: &Backup, places: &Places) -> Result<Hidden, String> {
    if let Some(named) = &backup.password {
        return spec::read(named);
    }
    let path = places.password();
    match secret::from_file(&path) {
        Ok(text) => return Ok(Hidden(text.as_str().to_owned())),
        // Only one that is not there may be made: another would open nothing of what was saved before.
        Err(error) if path.exists() => return Err(Chain(&error).to_string()),
        Err(_) => {}
    }
    let made = (|| {
        let password = kit::new_password()?;
        file::create_dir_private(&places.own())?;
        file::replace(&path, format!("{password}\n").as_bytes(), 0o600)?;
        io::Result::Ok(password)
    })();
    let made = made.map_err(|error| {
        format!(
            "the password of the backups could not be kept as {}: {error}",
            path.display()
        )
    })?;
    Ok(Hidden(made))
}
