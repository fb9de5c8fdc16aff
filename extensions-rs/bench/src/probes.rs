//! How each floor is measured.

use std::fs::{File, OpenOptions};
use std::future::IntoFuture;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::jetstream::stream::{Config, StorageType};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::report::{Row, Times};

const STREAM: &str = "SYM_BENCH";
const SUBJECT: &str = "sym.bench.floor";
/// About the size of a message that carries one step.
const PAYLOAD_BYTES: usize = 256;
/// What a file system writes at least.
pub const BLOCK_BYTES: usize = 4096;
/// Many times what the slowest disk takes.
const ARRIVAL_TIME: Duration = Duration::from_secs(10);
/// As many as the runs that are usually under way.
const IN_FLIGHT: usize = 500;
const RATE_WINDOW: Duration = Duration::from_millis(300);
/// Copied at least: what takes nanoseconds is done often enough to be told from the clock.
const COPIED_BYTES: usize = 64 << 20;

async fn stream(bus: &Bus) -> Result<async_nats::jetstream::stream::Stream, Error> {
    let config = Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        storage: StorageType::File,
        max_bytes: 64 << 20,
        ..Default::default()
    };
    bus.jetstream()
        .create_stream(config)
        .await
        .map_err(Error::unavailable)
}

async fn gone(bus: &Bus) -> Result<(), Error> {
    let deleted = bus.jetstream().delete_stream(STREAM).await;
    deleted.map(|_| ()).map_err(Error::unavailable)
}

/// Publish to a durable stream and wait until a consumer has it, one at a time.
pub async fn publish_fsync(bus: &Bus, other: &Bus, count: u64) -> Result<Row, Error> {
    let stream = stream(bus).await?;
    let inbox = other.client().new_inbox();
    let mut messages = listening(other, &inbox).await?;
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
    let mut measured = Times::default();
    for _ in 0..count {
        let began = Instant::now();
        let ack = bus
            .publish_log(SUBJECT.to_owned(), vec![0; PAYLOAD_BYTES].into(), None)
            .await?;
        while arrival(&mut messages).await? != SUBJECT {}
        measured.add(began.elapsed());
        ack.await.map_err(Error::unavailable)?;
    }
    gone(bus).await?;
    Ok(Row::times(crate::floors::PUBLISH, &measured, 1.0))
}

/// A subscription that the broker knows of: a flush only writes it, and what another connection publishes meanwhile, or the
/// consumer that it makes, would find nobody.
async fn listening(bus: &Bus, subject: &str) -> Result<Subscriber, Error> {
    let mut messages = bus.subscribe(subject.to_owned()).await?;
    bus.publish_bytes(subject.to_owned(), Vec::new().into()).await?;
    arrival(&mut messages).await?; // the broker takes what one connection says in its order
    Ok(messages)
}

/// Durable messages a second, many under way: what the broker takes where each carries one step alone.
pub async fn publish_rate(bus: &Bus) -> Result<Row, Error> {
    stream(bus).await?;
    let mut acks = FuturesUnordered::new();
    let mut count = 0_u64;
    let began = Instant::now();
    while began.elapsed() < RATE_WINDOW {
        while acks.len() < IN_FLIGHT {
            let data = vec![0; PAYLOAD_BYTES].into();
            acks.push(
                bus.publish_log(SUBJECT.to_owned(), data, None)
                    .await?
                    .into_future(),
            );
        }
        if let Some(ack) = acks.next().await {
            ack.map_err(Error::unavailable)?;
            count += 1;
        }
    }
    while let Some(ack) = acks.next().await {
        ack.map_err(Error::unavailable)?;
        count += 1;
    }
    let per_second = count as f64 / began.elapsed().as_secs_f64();
    gone(bus).await?;
    Ok(Row::figure(crate::floors::RATE, "messages/s", per_second, count))
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
    let mut messages = listening(other, "sym.bench.hop").await?;
    let mut measured = Times::default();
    for _ in 0..count {
        let began = Instant::now();
        bus.publish_bytes("sym.bench.hop".to_owned(), vec![0; PAYLOAD_BYTES].into())
            .await?;
        arrival(&mut messages).await?;
        measured.add(began.elapsed());
    }
    Ok(Row::times(crate::floors::HOP, &measured, 1.0))
}

/// Bytes appended to a file and synced (`fdatasync`), as a log does it; the file is gone afterwards.
pub fn disk(name: &'static str, folder: &Path, bytes: usize, count: u64) -> Result<Row, Error> {
    let path = folder.join(format!("floor-{}", std::process::id()));
    let measured = synced(&path, bytes, count);
    let removed = std::fs::remove_file(&path);
    let measured = measured?;
    removed?;
    Ok(Row::times(name, &measured, 1.0))
}

fn synced(path: &Path, bytes: usize, count: u64) -> Result<Times, Error> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let data = vec![0x5a; bytes];
    let mut measured = Times::default();
    for _ in 0..count {
        let began = Instant::now();
        file.write_all(&data)?;
        file.sync_data()?;
        measured.add(began.elapsed());
    }
    Ok(measured)
}

/// One copy from memory to memory, in milliseconds; the mean of many.
pub fn memcpy(name: &'static str, bytes: usize) -> Row {
    let from = vec![0x5a_u8; bytes];
    let mut to = vec![0_u8; bytes];
    let count = (COPIED_BYTES / bytes).max(4);
    to.copy_from_slice(&from); // its pages are there before the clock runs
    let began = Instant::now();
    for _ in 0..count {
        black_box(to.as_mut_slice()).copy_from_slice(black_box(&from));
    }
    let ms = began.elapsed().as_secs_f64() * 1000.0 / count as f64;
    Row::figure(name, "ms", ms, u64::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floors_of_disk_and_memory_are_measured_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let row = disk("floor_disk_fsync", folder.path(), BLOCK_BYTES, 3).unwrap();
        assert_eq!(row.runs, 3);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let (small, large) = (memcpy("a", 1 << 10), memcpy("b", 4 << 20));
        assert!(small.value > 0.0 && large.value > 20.0 * small.value);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_of_its_kind() {
        let refused = disk("x", Path::new("/nonexistent/folder"), 1, 1);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Io);
    }
}
