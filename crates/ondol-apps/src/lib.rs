//! The app host: runs the programs behind sites, keeps them up and apart, and changes their releases with no failed
//! request. It knows neither requests nor TLS: what visitors get is told to others as one value.

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "the app host that speaks at the other end comes next"
    )
)]
mod endpoints;
pub mod listing;
mod command;
mod group;
mod identity;
mod instance;
mod log;
mod enforce;
mod group;
mod identity;
mod log;
mod news;
mod php;
mod places;
mod progress;
mod release;
mod releases;
mod request;
mod seat;
mod settings;
pub mod shim;
mod source;
mod spawn;
mod spec;
mod status;
mod surroundings;

pub use endpoints::EndpointsReader;
pub use enforce::unenforced;
pub use group::Groups;
pub use news::News;
pub use places::Places;
pub use progress::Line;
pub use progress::Progress;
pub use progress::Report;
pub use progress::Step;
pub use release::Release;
pub use request::Ask;
pub use request::Handle;
pub use request::IfBusy;
pub use request::Refusal;
pub use request::Reply;
pub use request::Request;
pub use source::Source;
pub use spec::Identity;
pub use spec::Limits;
pub use spec::Output;
pub use spec::Reach;
pub use spec::Run;
pub use spec::Spec;
pub use status::AppState;
pub use status::AppStatus;
pub use status::InstanceStatus;
pub use status::Usage;
