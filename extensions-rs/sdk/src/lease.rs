//! A lease: a key with a time to live in a bucket. Whoever holds it may act; it is lost when it is not renewed in time.
//!
//! Each renewal states its time to live again, since a renewal without one never expires, and expects the revision of the
//! one before, so that a holder that slept cannot renew what another has taken.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use bytes::Bytes;

use crate::bus::{Bus, publish_error};
use crate::error::{Error, ErrorKind};

/// The shortest time to live that the broker knows.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(2);

/// A held lease.
#[derive(Clone, Debug)]
pub struct Lease {
    bucket: String,
    key: String,
    holder: Bytes,
    revision: u64,
}

impl Lease {
    /// Take the key, if nobody holds it. None: somebody does.
    pub async fn acquire(bus: &Bus, bucket: &str, key: &str, holder: &str) -> Result<Option<Self>, Error> {
        Self::acquire_after(bus, bucket, key, holder, None).await
    }

    /// The same, and also where `gone` holds it: a holder whose connection is known to be closed need not be waited for.
    /// Should it live after all, its next renewal is refused, and the epochs decide.
    pub async fn acquire_after(
        bus: &Bus,
        bucket: &str,
        key: &str,
        holder: &str,
        gone: Option<&str>,
    ) -> Result<Option<Self>, Error> {
        let last = match last(bus, bucket, key).await? {
            Some((Some(by), _)) if by != holder && Some(by.as_str()) != gone => return Ok(None),
            Some((_, sequence)) => sequence,
            None => 0,
        };
        let mut lease = Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            holder: Bytes::copy_from_slice(holder.as_bytes()),
            revision: last,
        };
        match lease.renew(bus).await {
            Ok(()) => Ok(Some(lease)),
            Err(error) if error.kind() == ErrorKind::Fenced => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hold it for another time to live. Kind `Fenced`: it is lost.
    pub async fn renew(&mut self, bus: &Bus) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-TTL", format!("{}s", TIME_TO_LIVE.as_secs()));
        headers.insert("Nats-Expected-Last-Subject-Sequence", self.revision.to_string());
        let subject = format!("$KV.{}.{}", self.bucket, self.key);
        let ack = bus
            .publish_log(subject, self.holder.clone(), Some(headers))
            .await?;
        self.revision = ack.await.map_err(publish_error)?.sequence;
        Ok(())
    }

    /// Give it back, so that the next holder need not wait.
    pub async fn release(self, bus: &Bus) {
        let mut headers = HeaderMap::new();
        headers.insert("KV-Operation", "DEL");
        // The mark goes too, after a while: keys that are named after processes would else be more with every start.
        headers.insert("Nats-TTL", format!("{}s", TIME_TO_LIVE.as_secs()));
        headers.insert("Nats-Expected-Last-Subject-Sequence", self.revision.to_string());
        let subject = format!("$KV.{}.{}", self.bucket, self.key);
        if let Ok(ack) = bus.publish_log(subject, Bytes::new(), Some(headers)).await {
            let _ = ack.await; // it expires by itself where this fails
        }
    }

    /// Who holds a key now.
    pub async fn holder(bus: &Bus, bucket: &str, key: &str) -> Result<Option<String>, Error> {
        Ok(last(bus, bucket, key).await?.and_then(|(holder, _)| holder))
    }

    /// The revision of the last renewal: grows with every holder and renewal.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// The holder and revision of a key; no holder where it was given back or has expired.
async fn last(bus: &Bus, bucket: &str, key: &str) -> Result<Option<(Option<String>, u64)>, Error> {
    let stream = bus
        .jetstream()
        .get_stream_no_info(format!("KV_{bucket}"))
        .await
        .map_err(Error::unavailable)?;
    let subject = format!("$KV.{bucket}.{key}");
    match stream.get_last_raw_message_by_subject(&subject).await {
        Ok(message) => {
            let gone = ["KV-Operation", "Nats-Marker-Reason"]
                .iter()
                .any(|header| message.headers.get(*header).is_some());
            let holder = String::from_utf8_lossy(&message.payload).into_owned();
            Ok(Some(((!gone).then_some(holder), message.sequence)))
        }
        Err(error) if error.kind() == jetstream::stream::LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(Error::unavailable(error)),
    }
}
