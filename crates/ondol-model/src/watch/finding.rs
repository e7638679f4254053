//! What was found to be wrong: values, of which texts are made in each person's language.

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: What,
    /// What somebody said of it (an error of the system, an answer), in its own words; may be empty.
    pub detail: String,
}

impl Finding {
    /// A finding without anybody's words.
    pub fn of(what: What) -> Self {
        Self {
            what,
            detail: String::new(),
        }
    }

    /// The same with somebody's words.
    pub fn saying(what: What, detail: impl Into<String>) -> Self {
        Self {
            what,
            detail: detail.into(),
        }
    }
}

/// What can be found. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A site answers with a status that is not good.
    Status(u16),
    /// A site does not answer.
    NoAnswer,
    /// A site answers too slowly: milliseconds, and those that it may take.
    Slow(u32, u32),
    /// A site's answer does not have what it must.
    Content,
    /// An app ended again and again.
    AppFailed,
    /// An app is not well.
    AppUnwell,
    /// A certificate ends at this time, and no other could take its place.
    CertificateEnds(i64),
    /// A certificate ended at this time.
    CertificateEnded(i64),
    /// No issuer has given a certificate that visitors believe; Ondol's own CA stands in.
    CertificateMissing,
    /// A domain's registration ends at this time.
    DomainEnds(i64),
    /// Free bytes of a disk, all its bytes, and when it will be full if it goes on so.
    DiskRoom(u64, u64, Option<i64>),
    /// Free inodes of a disk, and all of them.
    DiskInodes(u64, u64),
    /// A disk takes nothing: it is read-only or gives errors.
    DiskReadOnly,
    /// A drive says that it fails, or will.
    DriveFailing,
    /// A drive is worn: percent of its life are used.
    DriveWorn(u8),
    /// A drive has errors that grow in number.
    DriveErrors(u64),
    /// Degrees Celsius.
    Hot(i32),
    /// Percent of the time in which programs waited for memory.
    MemoryPressure(u8),
    /// Seconds that the clock is ahead of the true time; negative when it is behind.
    ClockOff(i64),
    /// Nobody keeps the clock right.
    ClockFree,
    /// A part of Ondol fails again and again.
    ServiceFailing,
    /// Ondol's database can't be written, or was broken.
    StoreBroken,
    /// No data plane serves visitors.
    NobodyServes,
    /// The newest backup is of this time; `None` when there is none.
    BackupOld(Option<i64>),
    /// Backups were shown to be restorable at this time; `None` for never.
    BackupUnproven(Option<i64>),
    /// A backup was found not to be restorable.
    BackupBroken,
    /// No cable, no radio.
    NoLink,
    /// The router does not answer.
    RouterSilent,
    /// Nobody in the internet answers.
    InternetAway,
    /// Names can't be looked up.
    DnsSilent,
    /// The box runs on a battery: percent that are left, and seconds, as far as is known.
    OnBattery(Option<u8>, Option<u64>),
    /// The battery is nearly empty.
    BatteryLow(Option<u8>, Option<u64>),
    /// The UPS tells nothing since this time; it was on battery then or not.
    UpsSilent(i64, bool),
    /// The battery of the UPS wants to be replaced.
    BatteryWorn,
    /// The UPS carries more than it can.
    UpsOverload,
    /// Somebody else's job has not reported since this time; `None` for never.
    Silent(Option<i64>),
    /// Somebody else's job reported that it failed.
    ReportedFailure,
    /// Messages to somebody can't be delivered.
    Undeliverable,
    /// Nobody outside is told that the box lives.
    Unheard,
    /// Nobody answered a drill.
    DrillUnanswered,
    /// The box was off for so many seconds, and was not shut down.
    BackAfterPowerCut(u64),
    /// The box was off for so many seconds, and had been shut down.
    BackAfterShutdown(u64),
    /// Ondol alone ended without being told to, and runs again.
    BackAfterCrash(u64),
    /// A file was found broken after a boot.
    FileBroken,
    /// It is well and not well in turns.
    Flapping,
    /// What was found before Ondol was started again; the detail says it.
    Remembered,
}
