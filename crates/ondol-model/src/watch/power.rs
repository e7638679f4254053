//! Where the power comes from.

/// Where the power comes from, as far as it decides what the box does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PowerState {
    /// The mains, or nobody tells.
    #[default]
    Mains,
    /// A battery: what can wait, waits.
    Battery,
    /// A battery that is nearly empty: everything comes to rest.
    Low,
}
