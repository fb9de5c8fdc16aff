//! The Artifact Store's client: blobs in pieces, several on their way at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use symphony_protocol::bounds::FRAME_BYTES_MAX;
use symphony_protocol::{
    Get, GetReply, Lineage, Put, PutChunk, PutCommit, PutItem, PutMany, PutOpen, PutReply, PutWhole, subjects,
};

use crate::bus::Bus;
use crate::error::{Error, ErrorKind};
use crate::telemetry;

/// Pieces under way at once: enough to cover a round trip, few enough to bound memory to 4 MiB a transfer.
const WINDOW: usize = 4;
/// How long a store that does not answer is asked again: a result is worth more than the time it waits for a restart.
const PATIENCE: Duration = Duration::from_secs(60);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(1);
/// Uploads of one blob: a store that starts again has forgotten those that were under way.
const BEGUN_AGAIN_MAX: u32 = 5;

/// Puts and gets blobs.
#[derive(Clone)]
pub struct Artifacts {
    bus: Option<Bus>,
    subject: Arc<str>,
}

impl Artifacts {
    pub fn new(bus: Bus) -> Self {
        Self {
            bus: Some(bus),
            subject: subjects::pit("store", "put", &[]).into(),
        }
    }

    /// The same store, for what is put for a tenant: it is kept under his key where the store encrypts.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> Self {
        Self {
            bus: self.bus.clone(),
            subject: subjects::pit("store", "put", &[tenant]).into(),
        }
    }

    /// Store small blobs with one sync: all of them or none. Gives their digests in their order.
    ///
    /// Errors: `Invalid`, they are more than fit into a message: 1,024, of a mebibyte together.
    pub async fn put_many(&self, items: Vec<PutItem>) -> Result<Vec<String>, Error> {
        let many = PutMany {
            items,
            ..Default::default()
        };
        Ok(self.ask(&Put::PutMany(many)).await?.digests)
    }

    /// A client of no store, for functions that are tested alone: every call is refused as `Unavailable`.
    pub fn detached() -> Self {
        Self {
            bus: None,
            subject: "".into(),
        }
    }

    /// Store bytes; gives their digest.
    pub async fn put(&self, data: Bytes, media_type: &str, lineage: Lineage) -> Result<String, Error> {
        let (transfer, size) = (telemetry::transfer("put"), data.len());
        let stored = self.store(data, media_type, lineage).await;
        transfer.end(stored.as_ref().map(|digest| (digest.as_str(), size)));
        stored
    }

    async fn store(&self, data: Bytes, media_type: &str, lineage: Lineage) -> Result<String, Error> {
        if data.len() <= FRAME_BYTES_MAX {
            let whole = PutWhole {
                data: data.into(),
                media_type: media_type.to_owned(),
                lineage,
                ..Default::default()
            };
            let reply = self.ask(&Put::PutWhole(whole)).await?;
            return digest(reply);
        }
        let mut begun = 1;
        loop {
            match self.upload(&data, media_type, lineage.clone()).await {
                Err(error) if error.kind() == ErrorKind::NotFound && begun < BEGUN_AGAIN_MAX => begun += 1,
                other => return other,
            }
        }
    }

    /// Store bytes piece by piece. Kind `NotFound`: the store knows nothing of the upload any more.
    async fn upload(&self, data: &Bytes, media_type: &str, lineage: Lineage) -> Result<String, Error> {
        let known = blake3::hash(data).to_hex().to_string();
        let open = PutOpen {
            size_bytes: u64::try_from(data.len()).ok(),
            digest: Some(known.clone()),
            media_type: media_type.to_owned(),
            lineage,
            ..Default::default()
        };
        let opened = self.ask(&Put::PutOpen(open)).await?;
        if opened.have {
            return Ok(known);
        }
        let upload = opened
            .upload
            .ok_or_else(|| Error::internal("the store named no upload"))?;
        let size = usize::try_from(opened.chunk_bytes)
            .unwrap_or(FRAME_BYTES_MAX)
            .clamp(1, FRAME_BYTES_MAX);
        let count = data.len().div_ceil(size);
        stream::iter(0..count)
            .map(|index| {
                let piece = data.slice(index * size..data.len().min((index + 1) * size));
                let upload = upload.clone();
                async move {
                    let index = u64::try_from(index).unwrap_or(u64::MAX);
                    let chunk = PutChunk {
                        upload,
                        index,
                        data: piece.into(),
                        ..Default::default()
                    };
                    self.ask(&Put::PutChunk(chunk)).await
                }
            })
            .buffer_unordered(WINDOW)
            .try_collect::<Vec<_>>()
            .await?;
        let chunks = u64::try_from(count).unwrap_or(u64::MAX);
        let commit = PutCommit {
            upload,
            chunks,
            digest: Some(known),
            ..Default::default()
        };
        digest(self.ask(&Put::PutCommit(commit)).await?)
    }

    /// The bytes of a digest, at most `limit_bytes` of them.
    pub async fn get(&self, digest: &str, limit_bytes: u64) -> Result<Bytes, Error> {
        let transfer = telemetry::transfer("get");
        let fetched = self.fetch(digest, limit_bytes).await;
        transfer.end(fetched.as_ref().map(|data| (digest, data.len())));
        fetched
    }

    async fn fetch(&self, digest: &str, limit_bytes: u64) -> Result<Bytes, Error> {
        let first = self.piece(digest, 0).await?;
        if first.size_bytes > limit_bytes {
            let text = format!(
                "artifact {digest} has {} bytes, at most {limit_bytes} fit here",
                first.size_bytes
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let have = u64::try_from(first.data.len()).unwrap_or(u64::MAX);
        if have >= first.size_bytes {
            return Ok(first.data.into_bytes());
        }
        let mut whole = BytesMut::with_capacity(usize::try_from(first.size_bytes).unwrap_or_default());
        whole.extend_from_slice(&first.data);
        let offsets = (have..first.size_bytes).step_by(FRAME_BYTES_MAX);
        let mut pieces = stream::iter(offsets)
            .map(|offset| self.piece(digest, offset))
            .buffered(WINDOW);
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece?.data);
        }
        Ok(whole.freeze())
    }

    async fn piece(&self, digest: &str, offset: u64) -> Result<GetReply, Error> {
        let get = Get {
            digest: digest.to_owned(),
            offset,
            ..Default::default()
        };
        let reply: GetReply = self.retried(subjects::pit("store", "get", &[]), &get).await?;
        if reply.ok {
            Ok(reply)
        } else {
            Err(refused(reply.kind.as_deref(), reply.message))
        }
    }

    async fn ask(&self, put: &Put) -> Result<PutReply, Error> {
        let reply: PutReply = self.retried(self.subject.to_string(), put).await?;
        if reply.ok {
            Ok(reply)
        } else {
            Err(refused(reply.kind.as_deref(), reply.message))
        }
    }

    async fn retried<Q: serde::Serialize, A: serde::de::DeserializeOwned + symphony_protocol::Bounded>(
        &self,
        subject: String,
        message: &Q,
    ) -> Result<A, Error> {
        let bus = self
            .bus
            .as_ref()
            .ok_or_else(|| Error::unavailable("there is no artifact store here"))?;
        let (began, mut wait) = (Instant::now(), RETRY_FIRST);
        loop {
            match bus.request(subject.clone(), message).await {
                Err(error)
                    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut)
                        && began.elapsed() + wait < PATIENCE =>
                {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_LAST);
                }
                other => return other,
            }
        }
    }
}

fn digest(reply: PutReply) -> Result<String, Error> {
    reply
        .digest
        .ok_or_else(|| Error::internal("the store gave no digest"))
}

fn refused(kind: Option<&str>, message: String) -> Error {
    let kind = match kind {
        Some("not_found") => ErrorKind::NotFound,
        Some("unavailable") => ErrorKind::Unavailable,
        Some("corrupt") => ErrorKind::Io,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, message)
}
