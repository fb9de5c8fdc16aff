//! Floors: what the broker alone costs on this machine, in this run.

use std::time::{Duration, Instant};

use async_nats::Subscriber;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::StreamExt;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::report::{Row, row, times};

const STREAM: &str = "SYM_BENCH";
const SUBJECT: &str = "sym.bench.floor";
/// About the size of a message that carries one step.
const PAYLOAD_BYTES: usize = 256;
/// Many times what the slowest disk takes.
const ARRIVAL_TIME: Duration = Duration::from_secs(10);

/// Publish to a durable stream and wait until a consumer has it, one at a time.
pub async fn publish_fsync(bus: &Bus, other: &Bus, count: u64) -> Result<Row, Error> {
    let config = Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        storage: StorageType::File,
        max_bytes: 64 << 20,
        ..Default::default()
    };
    let stream = bus
        .jetstream()
        .create_stream(config)
        .await
        .map_err(Error::unavailable)?;
    // The subscription first: a consumer that was made without one may sleep through the first message.
    let inbox = other.client().new_inbox();
    let mut messages = other.subscribe(inbox.clone()).await?;
    other.flush().await?;
    stream
        .create_consumer(push::Config {
            deliver_subject: inbox,
            ack_policy: AckPolicy::None,
            deliver_policy: DeliverPolicy::New,
            inactive_threshold: Duration::from_secs(30),
            ..Default::default()
        })
        .await
        .map_err(Error::unavailable)?;
    let mut measured = times();
    for _ in 0..count {
        let began = Instant::now();
        let ack = bus
            .publish_log(SUBJECT.to_owned(), vec![0; PAYLOAD_BYTES].into(), None)
            .await?;
        while arrival(&mut messages).await? != SUBJECT {}
        let _ = measured.record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        ack.await.map_err(Error::unavailable)?;
    }
    bus.jetstream()
        .delete_stream(STREAM)
        .await
        .map_err(Error::unavailable)?;
    Ok(row("floor_publish_fsync", &measured, 1.0))
}

/// The subject of the next message. A floor that does not come is an error, and no reason to wait for ever.
async fn arrival(messages: &mut Subscriber) -> Result<String, Error> {
    match tokio::time::timeout(ARRIVAL_TIME, messages.next()).await {
        Ok(Some(message)) => Ok(message.subject.to_string()),
        Ok(None) | Err(_) => Err(Error::new(
            ErrorKind::TimedOut,
            "a message of a floor did not arrive",
        )),
    }
}

/// One core message, one way, between two connections.
pub async fn hop(bus: &Bus, other: &Bus, count: u64) -> Result<Row, Error> {
    let mut messages = other.subscribe("sym.bench.hop".to_owned()).await?;
    other.flush().await?;
    let mut measured = times();
    for _ in 0..count {
        let began = Instant::now();
        bus.publish_bytes("sym.bench.hop".to_owned(), vec![0; PAYLOAD_BYTES].into())
            .await?;
        arrival(&mut messages).await?;
        let _ = measured.record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(row("floor_hop", &measured, 1.0))
}
