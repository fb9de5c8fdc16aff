//! Floors: what the broker alone costs on this machine, in this run.

use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::StreamExt;
use symphony_sdk::{Bus, Error};

use crate::report::{Row, row, times};

const STREAM: &str = "SYM_BENCH";
const SUBJECT: &str = "sym.bench.floor";
/// About the size of a message that carries one step.
const PAYLOAD_BYTES: usize = 256;

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
    let consumer = stream
        .create_consumer(push::Config {
            deliver_subject: other.client().new_inbox(),
            ack_policy: AckPolicy::None,
            deliver_policy: DeliverPolicy::New,
            inactive_threshold: Duration::from_secs(30),
            ..Default::default()
        })
        .await
        .map_err(Error::unavailable)?;
    let deliver = consumer
        .cached_info()
        .config
        .deliver_subject
        .clone()
        .unwrap_or_default();
    let mut messages = other.subscribe(deliver).await?;
    other.flush().await?;
    let mut measured = times();
    for _ in 0..count {
        let began = Instant::now();
        let ack = bus
            .publish_log(SUBJECT.to_owned(), vec![0; PAYLOAD_BYTES].into(), None)
            .await?;
        while let Some(message) = messages.next().await {
            if message.subject.as_str() == SUBJECT {
                break;
            }
        }
        let _ = measured.record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        ack.await.map_err(Error::unavailable)?;
    }
    bus.jetstream()
        .delete_stream(STREAM)
        .await
        .map_err(Error::unavailable)?;
    Ok(row("floor_publish_fsync", &measured, 1.0))
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
        messages.next().await;
        let _ = measured.record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(row("floor_hop", &measured, 1.0))
}
