//! `SYM_LEDGER` on the broker: read from where the fold stands, written at the sequence that the fold expects.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use futures_util::StreamExt;
use serde::Serialize;
use symphony_protocol::{LedgerBatch, LedgerState, decode, encode, subjects};
use symphony_sdk::bus::publish_error;
use symphony_sdk::{Bus, Error, ErrorKind};

const STREAM: &str = "SYM_LEDGER";
/// A message that is there comes within this time, or reading begins again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message of the ledger.
pub enum Entry {
    Changed(LedgerBatch),
    State(LedgerState),
    /// What cannot be read: it grants and releases nothing.
    Unknown,
}

/// Every message behind `folded`, in order, up to the last that there is now.
pub async fn read(bus: &Bus, folded: u64, mut take: impl FnMut(u64, Entry)) -> Result<(), Error> {
    let stream = bus
        .jetstream()
        .get_stream(STREAM)
        .await
        .map_err(Error::unavailable)?;
    let state = &stream.cached_info().state;
    let last = state.last_sequence;
    if last < folded {
        let text = format!("the ledger ends at {last}, before what was folded of it ({folded})");
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    if last == folded {
        return Ok(());
    }
    if state.messages == 0 {
        take(last, Entry::Unknown); // emptied by hand: what comes next stands behind it all the same
        return Ok(());
    }
    let consumer = stream
        .create_consumer(OrderedConfig {
            deliver_subject: bus.client().new_inbox(),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: folded + 1,
            },
            replay_policy: ReplayPolicy::Instant,
            ..Default::default()
        })
        .await
        .map_err(Error::unavailable)?;
    let mut messages = consumer.messages().await.map_err(Error::unavailable)?;
    loop {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await;
        let Ok(Some(Ok(message))) = next else {
            return Err(Error::unavailable("the ledger's consumer fell silent"));
        };
        let info = message.info().map_err(Error::unavailable)?;
        take(info.stream_sequence, entry(&message.subject, &message.payload));
        if info.stream_sequence >= last {
            return Ok(());
        }
    }
}

fn entry(subject: &str, data: &[u8]) -> Entry {
    let read = match subjects::last_token(subject) {
        "changed" => decode(data).map(Entry::Changed),
        "state" => decode(data).map(Entry::State),
        _ => return Entry::Unknown,
    };
    read.unwrap_or_else(|error| {
        tracing::error!(%error, subject, "a message of the ledger is passed over");
        Entry::Unknown
    })
}

/// Write a message behind `folded`; its sequence. Kind `Fenced`: another arbiter has written meanwhile.
pub async fn write<T: Serialize>(bus: &Bus, event: &str, message: &T, folded: u64) -> Result<u64, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, folded.to_string().as_str());
    let data = encode(message)?.into();
    let sent = bus
        .publish_log(subjects::ledger(event), data, Some(headers))
        .await?;
    Ok(sent.await.map_err(publish_error)?.sequence)
}

/// Purge everything below a sequence.
pub async fn purge(bus: &Bus, below: u64) -> Result<(), Error> {
    let stream = bus
        .jetstream()
        .get_stream_no_info(STREAM)
        .await
        .map_err(Error::unavailable)?;
    stream.purge().sequence(below).await.map_err(Error::unavailable)?;
    Ok(())
}
