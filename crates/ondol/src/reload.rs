//! Takes up a changed configuration: everything that can fail comes first, and what fails changes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks;
use ondol_certs::CertificateSet;
use ondol_certs::Certificates;
use ondol_certs::Unfinished;
use ondol_config::Ink;
use ondol_config::KeyPath;
use ondol_config::Mistake;
use ondol_config::Mistakes;
use ondol_model::Plan;
use ondol_model::diff;
use ondol_model::diff::Changes;

use crate::configuration::Configuration;
use crate::configuration::ConfigurationError;
use crate::examine;
use crate::examine::Findings;
use crate::examine::Subject;
use crate::folders::Folders;
use crate::generation::Handle;
use crate::generation::TakeUpError;
use crate::generation::Wanted;
use crate::last_good;
use crate::listeners;
use crate::listeners::BindError;
use crate::listeners::ListenerKey;
use crate::listeners::Listeners;
use crate::sandbox;
use crate::sandbox::ServeUser;

pub(crate) mod missing;

/// What a reload works with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) folders: Folders,
    pub(crate) generations: Handle,
    pub(crate) certificates: Certificates,
    /// Who talks to visitors.
    pub(crate) user: ServeUser,
    /// Sockets per address.
    pub(crate) workers: usize,
}

/// What is served. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// Of the configuration; each accepted one has a greater one.
    pub(crate) revision: u64,
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) listeners: Listeners,
    pub(crate) certificates: Arc<CertificateSet>,
    pub(crate) roots: BTreeSet<sandbox::Folder>,
    /// What is wrong with the file, while the last good configuration is served in its place.
    pub(crate) on_last_good: Option<String>,
    /// What the person should know, as sentences.
    pub(crate) warnings: Vec<String>,
    /// The addresses that can't be listened on yet, as sentences.
    pub(crate) missing: Vec<String>,
}

/// A configuration that was taken up.
#[derive(Debug)]
pub(crate) struct Reloaded {
    pub(crate) served: Served,
    pub(crate) changes: Changes,
    pub(crate) took: Duration,
}

/// Why a configuration was not taken up; the one before is served on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the configuration is not accepted")]
    Configuration(#[source] ConfigurationError),
    #[error("this machine can't serve the configuration")]
    Machine(#[source] Mistakes),
    #[error("the data plane could not take it up")]
    DataPlane(#[from] TakeUpError),
    #[error("its certificates could not be made")]
    Certificates(#[from] Unfinished),
    #[error("it could not be looked at")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Refused {
    /// As a person reads it, over several lines.
    pub(crate) fn render(&self, ink: Ink) -> String {
        match self {
            Self::Configuration(error) => error.render(ink),
            Self::Machine(mistakes) => mistakes.render(ink),
            Self::DataPlane(_) | Self::Certificates(_) | Self::Interrupted(_) => {
                format!("{}\n", Chain(self))
            }
        }
    }

    /// On one line: the first mistake with its place, and how many more there are.
    pub(crate) fn in_short(&self) -> String {
        let Some((first, others)) = self.mistakes().split_first() else {
            return match self {
                Self::Configuration(error) => Chain(error).to_string(),
                Self::Machine(_)
                | Self::DataPlane(_)
                | Self::Certificates(_)
                | Self::Interrupted(_) => Chain(self).to_string(),
            };
        };
        let more = match others.len() {
            0 => String::new(),
            more => format!(" (and {more} more: `ondol check` shows all)"),
        };
        let (file, problem) = (first.file().display(), first.problem());
        format!(
            "{file}:{}:{}: {problem}{more}",
            first.line(),
            first.column()
        )
    }

    /// The mistakes of the file, where it has any.
    pub(crate) fn mistakes(&self) -> &[Mistake] {
        match self {
            Self::Configuration(error) => error.mistakes(),
            Self::Machine(Mistakes(mistakes)) => mistakes,
            Self::DataPlane(_) | Self::Certificates(_) | Self::Interrupted(_) => &[],
        }
    }
}

impl Served {
    /// What data planes need of it.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            sources: Arc::clone(&self.configuration.sources),
            certificates: Arc::clone(&self.certificates),
            listeners: self.listeners.clone(),
            roots: self.roots.clone(),
        }
    }

    /// The plan.
    pub(crate) fn plan(&self) -> &Arc<Plan> {
        &self.configuration.plan
    }
}

/// Takes up the configuration as it is on disk now.
pub(crate) async fn reload(context: Context, before: Served) -> Result<Reloaded, Refused> {
    let begin = clock::now();
    let done = |phase| tracing::debug!(phase, after = ?(clock::now() - begin), "reload");
    let configuration = read(context.folders.config.clone()).await?;
    let changes = diff::changes(before.plan(), &configuration.plan);
    done("read");
    let (user, state) = (context.user.clone(), context.folders.state.clone());
    let examined = examine(configuration, before.listeners.keys(), user, state).await?;
    done("examined");
    let prepared = prepare(&context, &before, examined).await?;
    let served = commit(&context, &before, prepared).await?;
    done("served");
    keep_copy(&context.folders, &served).await;
    done("kept");
    Ok(Reloaded {
        served,
        changes,
        took: clock::now() - begin,
    })
}

/// Has the data planes take up the certificates and the folders that are there now; the rest stays. A folder that
/// another has taken the place of can't be read before.
pub(crate) async fn renew(context: Context, before: Served) -> Result<Served, Refused> {
    let certificates = Arc::clone(&context.certificates.subscribe().borrow());
    let (configuration, state) = (
        Arc::clone(&before.configuration),
        context.folders.state.clone(),
    );
    let look = tasks::spawn_blocking(move || sandbox::folders_to_read(&configuration.plan, &state));
    let served = Served {
        certificates,
        roots: look.await.map_err(Refused::Interrupted)?,
        ..before
    };
    context.generations.take_up(served.wanted()).await?;
    Ok(served)
}

/// A configuration that this machine was compared with.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) configuration: Configuration,
    pub(crate) findings: Findings,
    pub(crate) roots: BTreeSet<sandbox::Folder>,
}

struct Prepared {
    configuration: Arc<Configuration>,
    roots: BTreeSet<sandbox::Folder>,
    listeners: Listeners,
    revision: u64,
    warnings: Vec<String>,
}

async fn read(file: PathBuf) -> Result<Configuration, Refused> {
    let work = tasks::spawn_blocking(move || Configuration::read(&file));
    work.await
        .map_err(Refused::Interrupted)?
        .map_err(Refused::Configuration)
}

/// Compares a configuration with the machine, off the runtime.
pub(crate) async fn examine(
    configuration: Configuration,
    held: BTreeSet<ListenerKey>,
    user: ServeUser,
    state: PathBuf,
) -> Result<Examined, Refused> {
    let work = tasks::spawn_blocking(move || {
        let findings = examine::examine(Subject {
            plan: &configuration.plan,
            origins: &configuration.origins,
            state: &state,
            user: &user,
            held: &held,
            now: clock::unix_seconds(),
        });
        let roots = sandbox::folders_to_read(&configuration.plan, &state);
        Examined {
            configuration,
            findings,
            roots,
        }
    });
    work.await.map_err(Refused::Interrupted)
}

/// What the person should know of findings, as sentences.
pub(crate) fn warnings(findings: &Findings) -> Vec<String> {
    let warnings = findings
        .warnings
        .iter()
        .map(|warning| warning.problem().to_owned());
    warnings
        .chain(findings.unenforced.iter().cloned())
        .collect()
}

async fn prepare(
    context: &Context,
    before: &Served,
    examined: Examined,
) -> Result<Prepared, Refused> {
    let Examined {
        configuration,
        findings,
        roots,
    } = examined;
    let warnings = warnings(&findings);
    if !findings.mistakes.is_empty() {
        return Err(Refused::Machine(Mistakes(findings.mistakes)));
    }
    let (plan, held) = (Arc::clone(&configuration.plan), before.listeners.clone());
    let workers = context.workers;
    // Whoever has an address is looked for among all processes.
    let open = tasks::spawn_blocking(move || Listeners::open(&plan.listen, &held, workers));
    let listeners = open
        .await
        .map_err(Refused::Interrupted)?
        .map_err(|error| Refused::Machine(Mistakes(vec![mistake_of(&configuration, &error)])))?;
    let is_same_text = configuration.sources == before.configuration.sources;
    Ok(Prepared {
        revision: before.revision + u64::from(!is_same_text),
        configuration: Arc::new(configuration),
        roots,
        listeners,
        warnings,
    })
}

/// An address that can't be listened on, at its place in the file.
fn mistake_of(configuration: &Configuration, error: &BindError) -> Mistake {
    let plan = &configuration.plan;
    let wanted = listeners::keys(&plan.listen).filter(|key| key.protocol == error.key.protocol);
    let index = wanted.take_while(|key| *key != error.key).count();
    let place = KeyPath::listen(error.key.protocol.word(), index);
    configuration
        .origins
        .mistake(&place, Chain(error).to_string(), None)
}

async fn commit(context: &Context, before: &Served, prepared: Prepared) -> Result<Served, Refused> {
    let Prepared {
        configuration,
        roots,
        listeners,
        revision,
        warnings,
    } = prepared;
    let certificates = context
        .certificates
        .take_up(Arc::clone(&configuration.plan))
        .await?;
    tracing::debug!(certificates = certificates.entries.len(), "reload");
    let served = Served {
        revision,
        configuration,
        listeners,
        certificates,
        roots,
        on_last_good: None,
        warnings,
        missing: Vec::new(),
    };
    if let Err(error) = context.generations.take_up(served.wanted()).await {
        context
            .certificates
            .take_up(Arc::clone(before.plan()))
            .await?;
        return Err(error.into());
    }
    Ok(served)
}

/// Keeps a copy for a boot with a broken file. Serving goes on without one.
pub(crate) async fn keep_copy(folders: &Folders, served: &Served) {
    let folder = folders.last_good();
    let (revision, sources) = (served.revision, Arc::clone(&served.configuration.sources));
    let work = tasks::spawn_blocking(move || last_good::write(&folder, revision, &sources));
    match work.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "the configuration is served, but not kept for a boot with a broken file")
        }
        Err(error) => tracing::error!(%error, "the copy of the configuration was not written"),
    }
}
