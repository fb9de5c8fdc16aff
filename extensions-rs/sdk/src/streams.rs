//! The streams and buckets of the mesh, from `schemas/streams.toml`. The embedded system makes them from Python; this is
//! what tests and benchmarks of Rust make them with.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Source, StorageType, SubjectTransform};
use serde::Deserialize;

use crate::bus::Bus;
use crate::error::{Error, ErrorKind};

const TABLE: &str = include_str!("../../../schemas/streams.toml");

#[derive(Deserialize)]
struct Table {
    stream: Vec<StreamRow>,
    bucket: Vec<BucketRow>,
}

#[derive(Deserialize)]
struct StreamRow {
    name: String,
    subjects: Vec<String>,
    #[serde(default)]
    sources: Vec<String>,
    transform: Option<Transform>,
    discard: String,
    max_bytes: i64,
    #[serde(default)]
    max_age_s: u64,
}

#[derive(Deserialize)]
struct Transform {
    src: String,
    dest: String,
}

#[derive(Deserialize)]
struct BucketRow {
    name: String,
    #[serde(default)]
    lease: bool,
    max_bytes: i64,
}

/// Make every stream and bucket that is not there yet.
pub async fn ensure(bus: &Bus, partitions: u32) -> Result<(), Error> {
    let table: Table =
        toml::from_str(TABLE).map_err(|error| Error::new(ErrorKind::Config, error.to_string()))?;
    for row in table.stream {
        let config = Config {
            name: row.name,
            subjects: row.subjects,
            sources: (!row.sources.is_empty()).then(|| {
                row.sources
                    .iter()
                    .map(|name| Source {
                        name: name.clone(),
                        ..Default::default()
                    })
                    .collect()
            }),
            subject_transform: row.transform.map(|transform| SubjectTransform {
                source: transform.src,
                destination: transform.dest.replace("{partitions}", &partitions.to_string()),
            }),
            discard: if row.discard == "new" {
                DiscardPolicy::New
            } else {
                DiscardPolicy::Old
            },
            max_bytes: row.max_bytes,
            max_age: Duration::from_secs(row.max_age_s),
            storage: StorageType::File,
            allow_direct: true,
            ..Default::default()
        };
        bus.jetstream()
            .create_stream(config)
            .await
            .map_err(Error::unavailable)?;
    }
    for row in table.bucket {
        let config = Config {
            name: format!("KV_{}", row.name),
            subjects: vec![format!("$KV.{}.>", row.name)],
            discard: DiscardPolicy::New,
            max_bytes: row.max_bytes,
            max_messages_per_subject: 1,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            allow_message_ttl: row.lease,
            subject_delete_marker_ttl: row.lease.then_some(Duration::from_secs(1)),
            storage: StorageType::File,
            ..Default::default()
        };
        bus.jetstream()
            .create_stream(config)
            .await
            .map_err(Error::unavailable)?;
    }
    Ok(())
}
