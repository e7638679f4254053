//! The certificates of the box: files that the person named, those that public issuers were asked for,
//! and Ondol's own CA for the rest.
//!
//! [`Certificates`] owns what is in use and publishes it. Only the agent uses this: the data plane is
//! given the result. It must not know requests.

mod acme;
mod authorities;
mod certificates;
mod challenges;
mod choose;
mod credential;
mod entry;
mod facts;
mod failure;
pub mod files;
#[cfg(test)]
mod fixture;
mod internal;
mod issuing;
mod lookup;
mod managed;
mod names;
mod owner;
mod preflight;
#[cfg(test)]
mod sample;
mod shelf;
mod stamp;
mod upstreams;
mod zone;

pub use authorities::AuthorityError;
pub use authorities::ClientAuthority;
pub use authorities::load as load_client_authority;
pub use certificates::Certificates;
pub use certificates::Unfinished;
pub use challenges::Board;
pub use challenges::BoardReader;
pub use challenges::Challenges;
pub use challenges::NotShown;
pub use challenges::Posted;
pub use choose::Choice;
pub use choose::Offers;
pub use choose::Source;
pub use choose::choose;
pub use credential::read_blocking as read_secret;
pub use entry::CertificateEntry;
pub use entry::KeyPair;
pub use facts::Facts;
pub use facts::KeyKind;
pub use facts::NotACertificate;
pub use internal::IssueError;
pub use issuing::Issuing;
pub use issuing::IssuingHandle;
pub use managed::Answer;
pub use managed::LastResult;
pub use managed::Managed;
pub use managed::News;
pub use managed::Request;
pub use managed::RevocationReason;
pub use managed::State;
pub use names::Names;
pub use owner::CertificateRow;
pub use owner::CertificateSet;
pub use owner::Origin;
pub use shelf::AskedRevocation;
pub use shelf::Kept;
pub use shelf::Meta;
pub use shelf::Renewal;
pub use upstreams::UpstreamFiles;
