//! Who carries messages: the channels, and in tests a stand-in for them.

use ondol_model::plan::Alarms;
use ondol_model::plan::Channel;

use crate::channel;
use crate::channel::Parcel;
use crate::channel::Receipt;
use crate::channel::SendFailure;

/// Who carries messages.
#[derive(Debug, Clone)]
pub(super) enum Carrier {
    /// The channels.
    Channels,
    /// A stand-in for the world outside.
    #[cfg(test)]
    World(std::sync::Arc<super::tests::World>),
}

impl Carrier {
    pub(super) async fn carry(
        &self,
        channel: &Channel,
        alarms: &Alarms,
        parcel: &Parcel,
    ) -> Result<Option<Receipt>, SendFailure> {
        match self {
            Self::Channels => channel::send(channel, alarms, parcel).await,
            #[cfg(test)]
            Self::World(world) => world.take(channel, parcel).await,
        }
    }
}
