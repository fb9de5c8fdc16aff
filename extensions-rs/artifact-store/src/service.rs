//! The service: calls to storage, on threads that may wait for the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use symphony_protocol::{
    ArtifactList, DeleteArtifacts, Deleted, Get, GetReply, ListArtifacts, Put, PutReply, Verify, subjects,
};
use symphony_sdk::{Bus, Call, Endpoint, Error as BusError, ErrorKind as BusErrorKind, Micro, Shutdown};
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::options::Options;
use crate::storage::Storage;
use crate::uploads::Uploads;

/// Calls at the disk at once.
const AT_ONCE: usize = 16;

pub struct Service {
    options: Options,
}

struct State {
    storage: Storage,
    uploads: Mutex<Uploads>,
    options: Options,
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

impl Service {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, mut shutdown: Shutdown) -> Result<(), BusError> {
        let storage = Storage::open(&self.options.data).map_err(|error| {
            BusError::new(
                BusErrorKind::Io,
                format!("{}: {error}", self.options.data.display()),
            )
        })?;
        let state = Arc::new(State {
            storage,
            uploads: Mutex::default(),
            options: self.options,
        });
        let of = |name, request, reply| Endpoint {
            name,
            subject: subjects::pit("store", name, &[]),
            request,
            reply,
        };
        let endpoints = vec![
            of("put", "Put", "PutReply"),
            of("get", "Get", "GetReply"),
            of("list", "ListArtifacts", "ArtifactList"),
            of("verify", "Verify", "Verified"),
            of("delete", "DeleteArtifacts", "Deleted"),
        ];
        let description = "Artifact Store: content-addressed blobs with lineage";
        let (micro, mut calls) = Micro::start(&bus, "store", description, HashMap::new(), endpoints).await?;
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let call = tokio::select! {
                () = shutdown.requested() => break,
                call = calls.recv() => match call {
                    Some(call) => call,
                    None => break,
                },
            };
            let Ok(permit) = gate.clone().acquire_owned().await else {
                break;
            };
            let state = state.clone();
            tokio::task::spawn_blocking(move || {
                let answered = answer(&state, &call);
                tokio::runtime::Handle::current().block_on(answered.send(&call));
                drop(permit);
            });
        }
        micro.stop().await;
        // What is at the disk still is finished, so that no acknowledgement is lost.
        let _ = gate.acquire_many(u32::try_from(AT_ONCE).unwrap_or(1)).await;
        Ok(())
    }
}

/// An answer of any operation.
enum Answer {
    Put(PutReply),
    Get(GetReply),
    List(ArtifactList),
    Verified(symphony_protocol::Verified),
    Deleted(Deleted),
    Failed(BusError),
}

impl Answer {
    async fn send(self, call: &Call) {
        match self {
            Self::Put(reply) => call.reply(&reply).await,
            Self::Get(reply) => call.reply(&reply).await,
            Self::List(reply) => call.reply(&reply).await,
            Self::Verified(reply) => call.reply(&reply).await,
            Self::Deleted(reply) => call.reply(&reply).await,
            Self::Failed(error) => call.fail(&error).await,
        }
    }
}

fn answer(state: &State, call: &Call) -> Answer {
    let made = match call.name {
        "put" => call.decode::<Put>().map(|put| Answer::Put(put_reply(state, put))),
        "get" => call
            .decode::<Get>()
            .map(|get| Answer::Get(get_reply(state, &get))),
        "list" => call.decode::<ListArtifacts>().and_then(|ask| {
            let (artifacts, next) = state.storage.list(&ask).map_err(bus_error)?;
            Ok(Answer::List(ArtifactList {
                artifacts,
                next,
                ..Default::default()
            }))
        }),
        "verify" => call.decode::<Verify>().and_then(|ask| {
            Ok(Answer::Verified(
                state.storage.verify(ask.digest.as_deref()).map_err(bus_error)?,
            ))
        }),
        "delete" => call
            .decode::<DeleteArtifacts>()
            .map(|ask| Answer::Deleted(delete(state, &ask))),
        _ => Err(BusError::new(BusErrorKind::NotFound, "no such operation")),
    };
    made.unwrap_or_else(Answer::Failed)
}

fn bus_error(error: Error) -> BusError {
    BusError::new(BusErrorKind::Io, error.to_string())
}

fn put_reply(state: &State, put: Put) -> PutReply {
    put_in(state, put).unwrap_or_else(|error| PutReply {
        ok: false,
        kind: Some(error.kind().word().to_owned()),
        message: error.to_string().chars().take(500).collect(),
        ..Default::default()
    })
}

fn put_in(state: &State, put: Put) -> Result<PutReply, Error> {
    let now = now_ms();
    let storage = &state.storage;
    let uploads = || state.uploads.lock().unwrap_or_else(PoisonError::into_inner);
    let done = |digest: String, size: u64| PutReply {
        digest: Some(digest),
        size_bytes: size,
        have: true,
        ..Default::default()
    };
    match put {
        Put::PutWhole(whole) => {
            let digest = blake3::hash(&whole.data).to_hex().to_string();
            if storage.has(&digest) {
                let size = storage.touch(&digest, &whole.media_type, &whole.lineage, now)?;
                return Ok(done(digest, size));
            }
            let name = uploads().begin(
                storage,
                whole.media_type.clone(),
                whole.lineage.clone(),
                u64::MAX,
                now,
            )?;
            let upload = uploads().get(&name)?;
            uploads().end(&name);
            let mut upload = upload.lock().unwrap_or_else(PoisonError::into_inner);
            upload.piece(0, whole.data, now)?;
            let writer = upload.finish(1)?;
            let written = storage.commit(
                &upload.part,
                writer,
                Some(&digest),
                &whole.media_type,
                &whole.lineage,
                now,
            )?;
            Ok(done(written.digest, written.size))
        }
        Put::PutOpen(open) => {
            if let Some(digest) = open.digest.filter(|digest| storage.has(digest)) {
                let size = storage.touch(&digest, &open.media_type, &open.lineage, now)?;
                return Ok(done(digest, size));
            }
            let most = state.options.blob_bytes_max;
            let name = uploads().begin(storage, open.media_type, open.lineage, most, now)?;
            Ok(PutReply {
                upload: Some(name),
                ..Default::default()
            })
        }
        Put::PutChunk(chunk) => {
            let upload = uploads().get(&chunk.upload)?;
            let mut upload = upload.lock().unwrap_or_else(PoisonError::into_inner);
            upload.piece(chunk.index, chunk.data, now)?;
            Ok(PutReply::default())
        }
        Put::PutCommit(commit) => {
            let upload = uploads().get(&commit.upload)?;
            let mut upload = upload.lock().unwrap_or_else(PoisonError::into_inner);
            let writer = upload.finish(commit.chunks)?;
            uploads().end(&commit.upload);
            let (media_type, lineage) = (upload.media_type.clone(), upload.lineage.clone());
            let written = storage.commit(
                &upload.part,
                writer,
                commit.digest.as_deref(),
                &media_type,
                &lineage,
                now,
            )?;
            Ok(done(written.digest, written.size))
        }
        Put::PutAbort(abort) => {
            if let Ok(upload) = uploads().get(&abort.upload) {
                storage.discard(&upload.lock().unwrap_or_else(PoisonError::into_inner).part);
            }
            uploads().end(&abort.upload);
            Ok(PutReply::default())
        }
    }
}

fn get_reply(state: &State, get: &Get) -> GetReply {
    let length = usize::try_from(get.length).unwrap_or(usize::MAX);
    match state.storage.get(&get.digest, get.offset, length) {
        Ok((data, size_bytes, media_type)) => GetReply {
            data: data.into(),
            size_bytes,
            media_type,
            ..Default::default()
        },
        Err(error) => GetReply {
            ok: false,
            kind: Some(error.kind().word().to_owned()),
            message: error.to_string().chars().take(500).collect(),
            ..Default::default()
        },
    }
}

fn delete(state: &State, ask: &DeleteArtifacts) -> Deleted {
    let mut deleted = Deleted::default();
    match state.storage.walk_rest() {
        Ok(true) => {}
        outcome => {
            tracing::warn!(
                ?outcome,
                "nothing is deleted before it is known what every value names"
            );
            deleted.kept.clone_from(&ask.digests);
            return deleted;
        }
    }
    for digest in &ask.digests {
        match state.storage.delete(digest, ask.before_ms) {
            Ok(Some(bytes)) => {
                deleted.deleted += 1;
                deleted.bytes += bytes;
            }
            Ok(None) => deleted.kept.push(digest.clone()),
            Err(error) => {
                tracing::warn!(%error, digest, "an artifact was not deleted");
                deleted.kept.push(digest.clone());
            }
        }
    }
    deleted
}
