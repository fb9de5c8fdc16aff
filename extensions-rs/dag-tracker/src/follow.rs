//! Following the log: an ordered consumer of one partition that is made again whenever it falls silent or skips.

use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::message::Message;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::{FutureExt, StreamExt};
use symphony_protocol::subjects::{log_of, parse_log};
use symphony_protocol::{Bounded, MoveRun, PauseRun, ResumeRun, RetryRun, RollbackRun, decode};
use symphony_sdk::{Bus, Error, ErrorKind, Lease};

use crate::core::{Control, Event};

/// Messages of one beat: enough that a busy log is taken in large pieces, few enough that questions are answered.
const BEAT_COUNT_MAX: usize = 512;

/// What is known of the stream at a start.
#[derive(Clone, Copy, Debug)]
pub struct StreamState {
    pub created_ns: i64,
    pub first_sequence: u64,
    pub last_sequence: u64,
}

/// Ask the broker about the log.
pub async fn stream_state(bus: &Bus) -> Result<StreamState, Error> {
    let stream = bus
        .jetstream()
        .get_stream("SYM_LOG")
        .await
        .map_err(Error::unavailable)?;
    let info = stream.cached_info();
    Ok(StreamState {
        created_ns: i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or_default(),
        first_sequence: info.state.first_sequence,
        last_sequence: info.state.last_sequence,
    })
}

/// The sequence of a partition's last event; 0 where it has none.
pub async fn last_event(bus: &Bus, partition: u32) -> Result<u64, Error> {
    let stream = bus
        .jetstream()
        .get_stream_no_info("SYM_LOG")
        .await
        .map_err(Error::unavailable)?;
    match stream.get_last_raw_message_by_subject(&log_of(partition)).await {
        Ok(message) => Ok(message.sequence),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
        Err(error) => Err(Error::unavailable(error)),
    }
}

/// The recorded floor of a partition: the log below it is gone. 0 where nothing was purged yet.
pub async fn floor(bus: &Bus, partition: u32) -> Result<u64, Error> {
    let recorded = Lease::holder(bus, crate::tenure::BUCKET, &format!("floor.{partition}")).await?;
    Ok(recorded.and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// A start below the floor would skip what is gone without a word (rule 10): it is refused.
pub fn reaches(folded: u64, floor: u64) -> Result<(), Error> {
    if folded + 1 >= floor {
        return Ok(());
    }
    let text = format!(
        "the log before {floor} is gone and no snapshot reaches it (the newest that is whole ends at {folded}): restore \
         the folder of snapshots from a copy"
    );
    Err(Error::new(ErrorKind::Invalid, text))
}

/// The messages of one partition from a sequence on.
pub struct Follower {
    messages: Ordered,
}

impl Follower {
    pub async fn start(bus: &Bus, partition: u32, from: u64) -> Result<Self, Error> {
        let stream = bus
            .jetstream()
            .get_stream("SYM_LOG")
            .await
            .map_err(Error::unavailable)?;
        let consumer = stream
            .create_consumer(OrderedConfig {
                deliver_subject: bus.client().new_inbox(),
                filter_subject: log_of(partition),
                deliver_policy: DeliverPolicy::ByStartSequence {
                    start_sequence: from.max(1),
                },
                replay_policy: ReplayPolicy::Instant,
                ..Default::default()
            })
            .await
            .map_err(Error::unavailable)?;
        Ok(Self {
            messages: consumer.messages().await.map_err(Error::unavailable)?,
        })
    }

    /// The next message, and all that has arrived behind it.
    pub async fn beat(&mut self, into: &mut Vec<Message>) -> Result<(), Error> {
        let Some(first) = self.messages.next().await else {
            return Err(Error::new(ErrorKind::Unavailable, "the log's consumer ended"));
        };
        into.push(first.map_err(Error::unavailable)?);
        while into.len() < BEAT_COUNT_MAX {
            match self.messages.next().now_or_never() {
                Some(Some(Ok(message))) => into.push(message),
                Some(Some(Err(error))) => return Err(Error::unavailable(error)),
                Some(None) | None => break,
            }
        }
        Ok(())
    }
}

/// How long the log may be silent before its state is compared with ours.
pub const SILENCE: Duration = Duration::from_secs(5);

/// Sequence, broker time in milliseconds, and the event of a message.
pub fn event(message: &Message) -> Result<(u64, u64, Event), Error> {
    let info = message
        .info()
        .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
    let at_ms = u64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    Ok((
        info.stream_sequence,
        at_ms,
        parse(&message.subject, &message.payload),
    ))
}

/// The event of a message of the log; one that cannot be read is `Bad`, with the reason.
pub fn parse(subject: &str, data: &[u8]) -> Event {
    fn made<T: serde::de::DeserializeOwned + Bounded>(data: &[u8], event: impl Fn(T) -> Event) -> Event {
        decode(data).map_or_else(|error| Event::Bad(error.to_string()), event)
    }
    let Some(parsed) = parse_log(subject) else {
        return Event::Bad(format!("subject {subject}"));
    };
    let tenant = parsed.tenant.unwrap_or_default().to_owned();
    match parsed.event {
        "submit" => made(data, |batch| Event::Submit {
            tenant: tenant.clone(),
            batch,
        }),
        "cancel" => made(data, |cancel| Event::Cancel {
            tenant: tenant.clone(),
            cancel,
        }),
        "pause" => made(data, |ask: PauseRun| steer(&tenant, ask)),
        "resume" => made(data, |ask: ResumeRun| steer(&tenant, ask)),
        "retry" => made(data, |ask: RetryRun| steer(&tenant, ask)),
        "rollback" => made(data, |ask: RollbackRun| steer(&tenant, ask)),
        "move" => made(data, |ask: MoveRun| steer(&tenant, ask)),
        "signal" => made(data, |signal| Event::Signal {
            tenant: tenant.clone(),
            signal,
        }),
        "resolved" => made(data, Event::Resolved),
        "happened" => made(data, Event::Happened),
        "served" => made(data, Event::Served),
        "recalled" => made(data, Event::Recalled),
        "result" => results(data),
        "decided" => made(data, Event::Decided),
        "due" => made(data, Event::Due),
        "supplied" => made(data, Event::Supplied),
        "archived" => made(data, Event::Archived),
        "quarantined" => made(data, Event::Quarantined),
        "version" => made(data, Event::Version),
        "owner" => made(data, Event::Owner),
        other => Event::Bad(format!("an event `{other}`")),
    }
}

fn steer(tenant: &str, ask: impl Into<Control>) -> Event {
    Event::Control {
        tenant: tenant.to_owned(),
        control: ask.into(),
    }
}

/// Rule 13: events of a batch decode one by one. A batch with a bad result keeps its good ones.
fn results(data: &[u8]) -> Event {
    let whole = decode(data).map(Event::Result);
    whole.unwrap_or_else(|error| match salvage(data) {
        Some(batch) if !batch.results.is_empty() => Event::Result(batch),
        _ => Event::Bad(error.to_string()),
    })
}

fn salvage(data: &[u8]) -> Option<symphony_protocol::ResultBatch> {
    use symphony_protocol::raw::{Head, Reader};
    let worker = {
        let mut reader = Reader::new(reader_field(data, "worker")?);
        reader.text().ok()?.to_owned()
    };
    let mut list = Reader::new(reader_field(data, "results")?);
    let Head::Array(count) = list.head().ok()? else {
        return None;
    };
    let mut results = Vec::new();
    for _ in 0..count.min(symphony_protocol::bounds::BATCH_COUNT_MAX) {
        match decode(list.value().ok()?) {
            Ok(result) => results.push(result),
            Err(error) => tracing::warn!(%error, worker, "a result is passed over"),
        }
    }
    Some(symphony_protocol::ResultBatch {
        v: 1,
        worker,
        results,
    })
}

fn reader_field<'a>(data: &'a [u8], name: &str) -> Option<&'a [u8]> {
    symphony_protocol::raw::Reader::new(data)
        .field(name)
        .ok()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn rule_10_a_start_below_the_floor_is_refused() {
        assert!(reaches(0, 0).is_ok());
        assert!(reaches(9, 10).is_ok(), "the message at the floor is there still");
        assert!(reaches(8, 10).is_err());
        assert!(reaches(0, 10).is_err(), "no snapshot at all");
    }
}
