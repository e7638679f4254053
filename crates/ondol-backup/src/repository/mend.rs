//! What opens a repository, put back in order: its configuration, of which the claim has a copy, and its keys.

use rustic_core::KeyOptions;
use rustic_core::NoProgressBars;

use crate::failure::Failure;
use crate::repository::Repository;
use crate::repository::adapter::read_whole;
use crate::repository::trouble::of_target;
use crate::target::Folder;
use crate::target::Object;
use crate::target::TargetError;
use crate::target::Trouble;

/// Without any key nothing can be read, so there are at least so many.
const KEYS_MIN: usize = 2;

impl Repository {
    /// What is not as it should be of what opens the repository, a sentence each.
    pub(crate) fn faults_of_access(&self) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        if self.copy.is_some() {
            faults.push(
                "The configuration, `config`, is damaged. Ondol opens the repository with the copy that the claim \
                 has; other programs can't. `ondol backup repair` writes it anew."
                    .to_owned(),
            );
        }
        for object in self.keys()?.1 {
            faults.push(format!(
                "The key `{}` is damaged. The password opens the repository by another one; without that, nothing \
                 could be read. `ondol backup repair` makes a new one.",
                object.path()
            ));
        }
        Ok(faults)
    }

    /// Writes the configuration anew where it is damaged, and makes keys in place of damaged ones. What was done, a
    /// sentence each.
    pub(crate) fn mend_access(&self, password: &str) -> Result<Vec<String>, Failure> {
        let failed = |error: TargetError| of_target(&self.place(), &error);
        let mut done = Vec::new();
        if let Some(copy) = &self.copy {
            let written = self
                .target
                .write(&Object::Config, std::slice::from_ref(copy));
            written.map_err(failed)?;
            done.push(
                "the configuration was written anew from the copy that the claim has".to_owned(),
            );
        }
        let (good, damaged) = self.keys()?;
        if damaged.is_empty() {
            return Ok(done);
        }
        let library = self.library(NoProgressBars {})?;
        for _ in good..KEYS_MIN {
            library
                .add_key(password, &KeyOptions::default())
                .map_err(|error| self.failure(&error))?;
        }
        for object in damaged {
            self.target.remove(&object).map_err(failed)?;
        }
        done.push("a damaged key was replaced".to_owned());
        Ok(done)
    }

    /// How many keys are whole, and those that nobody can open any more.
    fn keys(&self) -> Result<(usize, Vec<Object>), Failure> {
        let failed = |error: TargetError| of_target(&self.place(), &error);
        let (mut good, mut damaged) = (0, Vec::new());
        for (id, _) in self.target.list(Folder::Keys).map_err(failed)? {
            let object = Object::In(Folder::Keys, id);
            match read_whole(&*self.target, &object) {
                Ok(_) => good += 1,
                Err(error) if matches!(error.trouble, Trouble::Wrong | Trouble::Missing) => {
                    damaged.push(object);
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok((good, damaged))
    }
}
