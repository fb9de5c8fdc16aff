//! What puts, gets and deletions are answered.

use std::sync::PoisonError;

use symphony_protocol::{DeleteArtifacts, Deleted, Get, GetReply, Put, PutReply};
use symphony_sdk::clock::wall_ms;

use crate::error::Error;
use crate::put::Incoming;
use crate::service::State;

/// `tenant`: under whose key it is kept; empty: the house's.
pub fn put_reply(state: &State, put: Put, tenant: &str) -> PutReply {
    put_in(state, put, tenant).unwrap_or_else(|error| PutReply {
        ok: false,
        kind: Some(error.kind().word().to_owned()),
        message: error.to_string().chars().take(500).collect(),
        ..Default::default()
    })
}

fn put_in(state: &State, put: Put, tenant: &str) -> Result<PutReply, Error> {
    let now = wall_ms();
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
            if let Some(size) = storage.touch(tenant, &digest, &whole.media_type, &whole.lineage, now)? {
                return Ok(done(digest, size));
            }
            let mut writer = storage.begin(tenant)?;
            writer.write(&whole.data)?;
            let blob = Incoming {
                writer,
                expected: Some(&digest),
                media_type: &whole.media_type,
                lineage: &whole.lineage,
            };
            let written = storage.commit(blob, now)?;
            Ok(done(written.digest, written.size))
        }
        Put::PutMany(many) => {
            let mut blobs = Vec::with_capacity(many.items.len());
            for item in &many.items {
                let mut writer = storage.begin(tenant)?;
                writer.write(&item.data)?;
                blobs.push(Incoming {
                    writer,
                    expected: None,
                    media_type: &item.media_type,
                    lineage: &item.lineage,
                });
            }
            let written = storage.commit_all(blobs, now)?;
            Ok(PutReply {
                size_bytes: written.iter().map(|one| one.size).sum(),
                digests: written.into_iter().map(|one| one.digest).collect(),
                ..Default::default()
            })
        }
        Put::PutOpen(open) => {
            if let Some(digest) = open.digest
                && let Some(size) = storage.touch(tenant, &digest, &open.media_type, &open.lineage, now)?
            {
                return Ok(done(digest, size));
            }
            let most = state.options.blob_bytes_max;
            let name = uploads().begin(storage, tenant, open.media_type, open.lineage, most, now)?;
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
            let blob = Incoming {
                writer,
                expected: commit.digest.as_deref(),
                media_type: &upload.media_type,
                lineage: &upload.lineage,
            };
            let written = storage.commit(blob, now)?;
            Ok(done(written.digest, written.size))
        }
        Put::PutAbort(abort) => {
            uploads().end(&abort.upload);
            Ok(PutReply::default())
        }
    }
}

pub fn get_reply(state: &State, get: &Get) -> GetReply {
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

pub fn delete(state: &State, ask: &DeleteArtifacts) -> Deleted {
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
    let mut gone = blake3::Hasher::new();
    for digest in &ask.digests {
        match state.storage.delete(digest, ask.before_ms) {
            Ok(Some(bytes)) => {
                deleted.deleted += 1;
                deleted.bytes += bytes;
                gone.update(digest.as_bytes());
            }
            Ok(None) => deleted.kept.push(digest.clone()),
            Err(error) => {
                tracing::warn!(%error, digest, "an artifact was not deleted");
                deleted.kept.push(digest.clone());
            }
        }
    }
    if deleted.deleted > 0 {
        // One entry a request: retention deletes by the thousand.
        let only = ask
            .digests
            .first()
            .filter(|_| deleted.deleted == 1 && ask.digests.len() == 1);
        let detail = format!(
            "{} artifacts of {} bytes, by the retention's rules; their digests hash to {}",
            deleted.deleted,
            deleted.bytes,
            gone.finalize().to_hex()
        );
        if let Err(error) = state
            .storage
            .note("deleted", only.map(String::as_str), &detail, wall_ms())
        {
            tracing::error!(%error, "a deletion stands in no audit trail");
        }
    }
    deleted
}
