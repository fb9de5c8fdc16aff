//! Rule 10: the log of a partition is purged below its floor, kind by kind, and never an `owner` event.

use symphony_protocol::{Purge, subjects};
use symphony_sdk::{Bus, Error, ErrorKind};

/// Subjects of a partition's events that may go.
pub fn filters(partition: u32) -> Vec<String> {
    let events = [
        "result",
        "decided",
        "due",
        "supplied",
        "resolved",
        "served",
        "recalled",
        "happened",
        "quarantined",
        "archived",
        "version",
        "submit.*.*",
        "cancel.*.*",
        "signal.*.*",
        "pause.*.*",
        "resume.*.*",
        "retry.*.*",
        "rollback.*.*",
        "move.*.*",
    ];
    events
        .iter()
        .map(|event| subjects::log_event(partition, event))
        .collect()
}

/// The floor stands in a key that never expires before anything below it goes: a tracker that begins lower is refused.
async fn record(bus: &Bus, ask: &Purge) -> Result<(), Error> {
    let subject = format!("$KV.sym_owners.floor.{}", ask.partition);
    let ack = bus
        .publish_log(subject, ask.floor.to_string().into(), None)
        .await?;
    ack.await.map_err(symphony_sdk::bus::publish_error)?;
    Ok(())
}

/// Purge messages before the floor. Returns how many went.
pub async fn purge(bus: &Bus, ask: &Purge) -> Result<u64, Error> {
    record(bus, ask).await?;
    let mut gone = 0;
    for filter in filters(ask.partition) {
        gone += purge_stream(
            bus,
            "SYM_LOG",
            serde_json::json!({"filter": filter, "seq": ask.floor}),
        )
        .await?;
    }
    Ok(gone)
}

/// The sequence is exclusive: the broker keeps the message at it.
async fn purge_stream(bus: &Bus, stream: &str, said: serde_json::Value) -> Result<u64, Error> {
    let subject = format!("$JS.API.STREAM.PURGE.{stream}");
    let reply = bus
        .client()
        .request(subject, said.to_string().into())
        .await
        .map_err(Error::unavailable)?;
    let answer: serde_json::Value = serde_json::from_slice(&reply.payload).map_err(Error::unavailable)?;
    if let Some(error) = answer.get("error") {
        return Err(Error::new(ErrorKind::Unavailable, error.to_string()));
    }
    Ok(answer
        .get("purged")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0))
}

/// Purge decisions up to one that is in the archive.
pub async fn purge_decisions(bus: &Bus, through: u64) -> Result<u64, Error> {
    purge_stream(bus, "SYM_DECISIONS", serde_json::json!({"seq": through + 1})).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the message")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rule_10_every_event_of_the_log_may_go_but_owner() {
        let table = include_str!("../../../schemas/subjects.toml");
        let patterns = table.lines().filter_map(|line| line.strip_prefix("pattern = \""));
        let events = patterns.filter_map(|pattern| pattern.strip_prefix("sym.log.<partition>."));
        let logged: BTreeSet<String> = events
            .map(|event| {
                event
                    .trim_end_matches('"')
                    .replace("<tenant>", "*")
                    .replace("<run>", "*")
            })
            .filter(|event| event != "owner")
            .map(|event| format!("sym.log.3.{event}"))
            .collect();
        assert!(logged.len() > 10);
        assert_eq!(filters(3).into_iter().collect::<BTreeSet<_>>(), logged);
    }
}
