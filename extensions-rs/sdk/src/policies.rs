//! What operators have said, by version, on `SYM_POLICIES`: the newest is in force.

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::stream::DirectGetErrorKind;
use serde::de::DeserializeOwned;
use symphony_protocol::{Bounded, Policy, decode, encode, subjects};

use crate::bus::{Bus, publish_error};
use crate::clock::wall_ms;
use crate::error::Error;

const STREAM: &str = "SYM_POLICIES";

/// The newest message of a policy and its sequence; none where nothing was said yet.
pub async fn last<T: DeserializeOwned + Bounded>(bus: &Bus, of: &str) -> Result<Option<(u64, T)>, Error> {
    let stream = bus.jetstream().get_stream_no_info(STREAM).await;
    let stream = stream.map_err(Error::unavailable)?;
    match stream.direct_get_last_for_subject(subjects::policy(of)).await {
        Ok(found) => Ok(Some((found.sequence, decode(&found.payload)?))),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::unavailable(error)),
    }
}

/// The versions of one policy.
pub struct Versions {
    bus: Bus,
    of: &'static str,
    current: Policy,
    /// Of the newest version, in its stream.
    sequence: u64,
}

impl Versions {
    /// Take up the newest; version 0 with an empty document where there is none.
    pub async fn load(bus: &Bus, of: &'static str) -> Result<Self, Error> {
        let none = || Policy {
            version: 0,
            ..Default::default()
        };
        let (sequence, current) = last(bus, of).await?.unwrap_or_else(|| (0, none()));
        Ok(Self {
            bus: bus.clone(),
            of,
            current,
            sequence,
        })
    }

    /// The newest version.
    pub fn current(&self) -> &Policy {
        &self.current
    }

    /// Write the next version. Kind `Fenced`: somebody else has written one meanwhile.
    pub async fn add(&mut self, document: String, reason: String) -> Result<&Policy, Error> {
        let policy = Policy {
            version: self.current.version + 1,
            document,
            applied_at_ms: wall_ms(),
            reason,
            ..Default::default()
        };
        let mut headers = HeaderMap::new();
        let expected = self.sequence.to_string();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.as_str());
        let data = encode(&policy)?.into();
        let sent = self
            .bus
            .publish_log(subjects::policy(self.of), data, Some(headers))
            .await?;
        self.sequence = sent.await.map_err(publish_error)?.sequence;
        self.current = policy;
        Ok(&self.current)
    }
}
