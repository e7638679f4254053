//! The files of a launch: a release that is there, or one that is made.

use ondol_base::chain::Chain;

use crate::progress::Step;
use crate::release::Release;

use super::Swap;
use super::To;
use super::Trouble;

impl Swap {
    /// The release to launch; one that is made is written down before anything is done with it.
    pub(super) async fn release(&self) -> Result<Release, Trouble> {
        let source = match &self.to {
            To::There(release) => return Ok(release.clone()),
            To::Present => return self.present().await,
            To::Made(source) => source.clone(),
        };
        let (name, releases) = (self.tools.name.clone(), self.tools.releases());
        let taken = releases.highest().await;
        let number = self.tools.store.next_release(name, taken).await;
        let number = number.map_err(|error| Trouble(Chain(&error).to_string()))?;
        let (launch, step) = (self.launch, Step::Fetching);
        self.progress.step(step);
        self.tools.note(launch, step.word(), Some(number)).await;
        let made = releases.make(&self.wanted.app, source, number, &self.progress);
        let release = made.await.map_err(|error| Trouble(error.sentence()))?;
        self.step(Step::Releasing).await;
        let ran = releases.run_release_command(&self.wanted.app, &release, &self.progress);
        ran.await.map_err(|error| Trouble(error.sentence()))?;
        Ok(release)
    }

    /// The one that runs now, whatever that was when the swap was asked for.
    async fn present(&self) -> Result<Release, Trouble> {
        let name = &self.tools.name;
        let live = self.scene.live();
        let live = live.ok_or_else(|| Trouble(format!("nothing of {name} runs any more")))?;
        let release = live.release().clone();
        let step = Step::Starting.word();
        self.tools.note(self.launch, step, release.number).await;
        Ok(release)
    }
}
