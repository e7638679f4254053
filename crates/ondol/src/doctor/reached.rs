//! Whether people are reached, by a real message through each channel.

use ondol_admin::client::Client;

use super::Finding;
use crate::command::alarms::test;

pub(super) async fn look(client: &Client) -> Vec<Finding> {
    let tested = match test::send(client, None).await {
        Ok(tested) => tested,
        Err(error) => {
            let problem = format!("Messages could not be tried out: {error:#}.");
            return vec![Finding::bad(problem, "`ondol events` says more.")];
        }
    };
    let unreached = tested.messages.into_iter().filter_map(|fate| {
        let why = fate.why_not?;
        let (name, channel) = (fate.person, fate.channel);
        Some(Finding::bad(
            format!("A message to {name} by {channel} did not arrive: {why}"),
            "Mend it in the configuration, `ondol reload`, then `ondol alarm test`.",
        ))
    });
    let mut findings: Vec<_> = unreached.collect();
    if tested.not_followed > 0 {
        findings.push(Finding::warning(
            "Messages are sent, but could not be written down.",
            "Look for room on the disk.",
        ));
    }
    findings
}
