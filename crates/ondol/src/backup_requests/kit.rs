//! The recovery kit, for the owner to print.

use ondol_admin::api;
use ondol_backup::Request;
use ondol_backup::kit::Kit;
use ondol_model::plan::Storage;

use super::Desk;

impl Desk {
    /// The sheet of a target.
    pub(super) async fn kit(&self, question: api::KitQuestion) -> api::KitAnswer {
        let sheet = async {
            let target = match self.known(question.target)? {
                Some(target) => target,
                None => self.farthest().ok_or_else(|| self.nothing_to_do())?,
            };
            let access = |reply| Request::Access {
                target: target.clone(),
                reply,
            };
            let spec = self.ask(access).await?;
            let kit = Kit::new(spec.target, spec.password, spec.of.name);
            Ok::<_, String>((target, kit.sheet()))
        };
        match sheet.await {
            Ok((target, sheet)) => api::KitAnswer {
                accepted: true,
                message: String::new(),
                sheet: Some(sheet),
                target: Some(target),
            },
            Err(message) => api::KitAnswer {
                message,
                ..api::KitAnswer::default()
            },
        }
    }

    /// The first target that is not lost with the machine.
    fn farthest(&self) -> Option<String> {
        let plan = self.plan.borrow();
        let targets = &plan.backup.to;
        let is_away = |storage: &Storage| !matches!(storage, Storage::Local(_));
        let away = targets.iter().find(|target| is_away(&target.storage));
        away.or_else(|| targets.first())
            .map(|target| target.name.to_string())
    }

    /// Writes down that the owner has it.
    pub(super) async fn kit_confirmed(&self) -> api::KitConfirmedAnswer {
        let confirmed = self.ask(|reply| Request::KitConfirmed { reply }).await;
        api::KitConfirmedAnswer {
            accepted: confirmed.is_ok(),
            message: confirmed.err().unwrap_or_default(),
        }
    }
}
