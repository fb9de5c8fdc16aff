//! The log as it lies on the broker: messages, and not what they are decoded to.

use serde::{Deserialize, Serialize};
use symphony_dag_tracker::follow::parse;
use symphony_protocol::{Bounded, encode, subjects};

use super::*;

/// One message of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    pub sequence: u64,
    pub at_ms: u64,
    pub subject: String,
    #[serde(with = "serde_bytes_of")]
    pub data: Vec<u8>,
}

/// Bytes as msgpack bytes, for a file of half the size.
mod serde_bytes_of {
    use serde::{Deserialize, Deserializer, Serializer};
    use symphony_protocol::Payload;

    pub fn serialize<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(data)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(Payload::deserialize(deserializer)?.to_vec())
    }
}

impl Ring {
    /// A ring whose log is kept, from its first message on.
    pub fn recording(supports: u32) -> Self {
        Self::made(supports, true)
    }

    /// A message as a client publishes it.
    pub fn tell<T: Serialize + Bounded>(&mut self, event: &str, message: &T) {
        let subject = subjects::log_event(0, event);
        let data = encode(message).unwrap();
        let event = parse(&subject, &data);
        let at = (self.fold.sequence() + 1, self.time_ms + 1);
        self.log.push(Logged {
            sequence: at.0,
            at_ms: at.1,
            subject,
            data,
        });
        self.apply_at(at.0, event);
    }

    /// Keep a message of the log, where it is kept.
    pub(super) fn keep(&mut self, sequence: u64, event: &Event) {
        if !self.recording || self.log.last().is_some_and(|last| last.sequence == sequence) {
            return;
        }
        let (subject, data) = message(event).expect("such an event is told as a message");
        let at_ms = self.time_ms;
        self.log.push(Logged {
            sequence,
            at_ms,
            subject,
            data,
        });
    }
}

/// An event as its sender publishes it.
fn message(event: &Event) -> Option<(String, Vec<u8>)> {
    let of = |event: &str| subjects::log_event(0, event);
    let from =
        |event: &str, tenant: &str, run: &str| subjects::log_event(0, &format!("{event}.{tenant}.{run}"));
    let (subject, data) = match event {
        Event::Submit { tenant, batch } => (from("submit", tenant, &batch.runs[0].run), encode(batch)),
        Event::Cancel { tenant, cancel } => (from("cancel", tenant, &cancel.run), encode(cancel)),
        Event::Signal { tenant, signal } => (from("signal", tenant, &signal.run), encode(signal)),
        Event::Result(batch) => (of("result"), encode(batch)),
        Event::Decided(batch) => (of("decided"), encode(batch)),
        Event::Due(due) => (of("due"), encode(due)),
        Event::Supplied(piece) => (of("supplied"), encode(piece)),
        Event::Archived(done) => (of("archived"), encode(done)),
        Event::Resolved(resolved) => (of("resolved"), encode(resolved)),
        Event::Happened(happened) => (of("happened"), encode(happened)),
        Event::Served(served) => (of("served"), encode(served)),
        Event::Recalled(recalled) => (of("recalled"), encode(recalled)),
        Event::Quarantined(batch) => (of("quarantined"), encode(batch)),
        Event::Owner(owner) => (of("owner"), encode(owner)),
        Event::Version(told) => (of("version"), encode(told)),
        Event::Control { .. } | Event::Bad(_) => return None,
    };
    Some((subject, data.unwrap()))
}

/// Fold messages as the tracker does.
pub fn replay(fold: &mut Fold, log: &[Logged]) {
    for message in log {
        let event = parse(&message.subject, &message.data);
        fold.apply(message.sequence, message.at_ms, event, &mut Effects::default());
    }
}
