//! Bounds of pools that an operator set: kept on the broker, so that they outlive this process.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::stream::DirectGetErrorKind;
use serde::{Deserialize, Serialize};
use symphony_protocol::{Policy, Scale, decode, encode, subjects};
use symphony_sdk::bus::publish_error;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::processes::Processes;

const STREAM: &str = "SYM_POLICIES";

/// The least and the most processes of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Set {
    min: u32,
    max: u32,
}

/// What was set, by pool.
#[derive(Default)]
pub struct Scaling {
    set: BTreeMap<String, Set>,
    version: u64,
    /// Of the last version, in its stream.
    sequence: u64,
}

impl Scaling {
    /// Take up what was set last. What cannot be read changes nothing.
    pub async fn load(bus: &Bus, processes: &mut Processes) -> Result<Self, Error> {
        let stream = bus
            .jetstream()
            .get_stream_no_info(STREAM)
            .await
            .map_err(Error::unavailable)?;
        let found = match stream.direct_get_last_for_subject(subjects::policy("pool")).await {
            Ok(found) => found,
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::unavailable(error)),
        };
        let policy: Policy = decode(&found.payload)?;
        let set = serde_json::from_str::<BTreeMap<String, Set>>(&policy.document).unwrap_or_else(|error| {
            tracing::error!(%error, "the bounds that were set cannot be read: the configuration's are in force");
            BTreeMap::new()
        });
        for (pool, Set { min, max }) in &set {
            processes.scale(pool, *min, *max);
        }
        Ok(Self {
            set,
            version: policy.version,
            sequence: found.sequence,
        })
    }

    /// Set what is asked for, once it is stored. Kind `NotFound`: nothing is meant; `Invalid`: no such bounds.
    pub async fn apply(&mut self, scale: &Scale, bus: &Bus, processes: &mut Processes) -> Result<(), Error> {
        let meant = processes.meant(&scale.target);
        if meant.is_empty() {
            let text = format!(
                "no pool is named {0} or has workers that offer {0}; `symphony pit pools show` lists them",
                scale.target
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let mut set = self.set.clone();
        for (pool, min, max, places) in meant {
            let wanted = |said: Option<u64>, before: u32| {
                said.map_or(before, |count| u32::try_from(count).unwrap_or(u32::MAX))
            };
            let (min, max) = (wanted(scale.min, min), wanted(scale.max, max));
            if max > places {
                let text = format!(
                    "pool {pool} has users for {places} processes, not for {max}: start it with more (`symphony up --workers \
                     {pool}={min}-{max}x...`)"
                );
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            if min > max {
                let text = format!("pool {pool}: the least, {min}, is more than the most, {max}");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            set.insert(pool, Set { min, max });
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let policy = Policy {
            version: self.version + 1,
            document: serde_json::to_string(&set).map_err(Error::internal)?,
            applied_at_ms: u64::try_from(since.as_millis()).unwrap_or_default(),
            reason: scale.reason.clone(),
            ..Default::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            self.sequence.to_string().as_str(),
        );
        let sent = bus
            .publish_log(subjects::policy("pool"), encode(&policy)?.into(), Some(headers))
            .await?;
        self.sequence = sent.await.map_err(publish_error)?.sequence;
        self.version = policy.version;
        self.set = set;
        for (pool, Set { min, max }) in &self.set {
            processes.scale(pool, *min, *max);
        }
        Ok(())
    }
}
