//! The certificates that are kept, found by what they are called.

use std::collections::HashMap;
use std::sync::Arc;

use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::issuing::Held;
use ondol_model::issuing::Wanted;

use crate::owner::CertificateSet;
use crate::shelf::Kept;

/// What was published last.
#[derive(Debug)]
pub(super) struct Known {
    set: Arc<CertificateSet>,
    /// Where in its list the certificates of a name are.
    places: HashMap<HostPattern, Vec<usize>>,
}

impl Known {
    pub(super) fn new(set: Arc<CertificateSet>) -> Self {
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for (place, kept) in set.kept.iter().enumerate() {
            places.entry(kept.name.clone()).or_default().push(place);
        }
        Self { set, places }
    }

    pub(super) fn set(&self) -> &Arc<CertificateSet> {
        &self.set
    }

    /// The certificate that is kept for what is wanted: of those that have not ended the newest, whoever
    /// issued it.
    pub(super) fn kept(&self, name: &HostPattern) -> Option<&Kept> {
        let places = self.places.get(name)?.iter();
        let now = clock::unix_seconds();
        places
            .map(|place| &self.set.kept[*place])
            .max_by_key(|kept| {
                let validity = kept.pair.facts.validity;
                (!validity.is_expired(now), kept.came_at())
            })
    }

    /// The same as the model sees it.
    pub(super) fn held(&self, wanted: &Wanted) -> Option<Held> {
        let kept = self.kept(wanted.name())?;
        let covers = wanted.names.iter().all(|name| kept.pair.facts.covers(name));
        let is_asked = wanted.issuers().any(|it| it.name == kept.issuer);
        Some(Held {
            issuer: kept.issuer.clone(),
            validity: kept.pair.facts.validity,
            is_fit: covers && is_asked,
            renewal: kept.meta.renewal.as_ref().map(|it| it.moment),
            is_replaced: kept.meta.is_replaced,
        })
    }
}
