//! A message as a letter: what mail programs need to put letters about one incident together, and to tell one that came
//! twice.

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::message::header::HeaderName;
use lettre::message::header::HeaderValue;
use ondol_model::watch::Severity;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use crate::channel::failure::SendFailure;
use crate::channel::parcel::Parcel;

/// The letter; the same, byte by byte, whenever it is sent.
pub(super) fn letter(
    mut from: Mailbox,
    to: Mailbox,
    parcel: &Parcel,
) -> Result<Message, SendFailure> {
    let domain = from.email.domain().to_owned();
    from.name
        .get_or_insert_with(|| format!("Ondol ({})", parcel.box_name));
    let queued = u64::try_from(parcel.queued_at).unwrap_or_default();
    let mut letter = Message::builder()
        .from(from)
        .to(to)
        .subject(one_line(&parcel.title))
        .date(UNIX_EPOCH + Duration::from_secs(queued))
        .message_id(Some(format!("<{}@{domain}>", parcel.key())))
        .header(ContentType::TEXT_PLAIN)
        // No answers of those who are on vacation (RFC 3834).
        .raw_header(field("Auto-Submitted", "auto-generated"))
        .raw_header(field("X-Auto-Response-Suppress", "All"))
        .raw_header(field("X-Ondol-Severity", parcel.severity.word()));
    if parcel.severity == Severity::Critical {
        letter = letter
            .raw_header(field("Importance", "high"))
            .raw_header(field("X-Priority", "1"));
    }
    if let Some(thread) = parcel.thread() {
        let thread = format!("<{thread}@{domain}>");
        letter = letter.in_reply_to(thread.clone()).references(thread);
    }
    letter
        .body(parcel.text.clone())
        .map_err(|error| SendFailure::refused(format!("no letter can be made of it: {error}")))
}

fn field(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Headers are lines, and a title should be one.
fn one_line(title: &str) -> String {
    title.split_whitespace().collect::<Vec<_>>().join(" ")
}
