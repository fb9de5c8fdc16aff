//! The service: calls to storage, on threads that may wait for the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use symphony_protocol::{
    ArtifactExplained, ArtifactList, ArtifactsErased, AskArtifact, AskTrail, DeleteArtifacts, Deleted,
    EraseArtifacts, Get, GetReply, ListArtifacts, Put, PutReply, Reply, Rewrapped, SearchArtifacts,
    StoreShow, TagArtifact, Trail, Verify, subjects,
};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::{Bus, Call, Endpoint, Error as BusError, ErrorKind as BusErrorKind, Micro, Shutdown};
use tokio::sync::Semaphore;

use crate::answers::{delete, get_reply, put_reply};
use crate::error::{Error, ErrorKind};
use crate::keyring::Keyring;
use crate::options::Options;
use crate::scrub;
use crate::storage::{Setup, Storage};
use crate::tiers::Cold;
use crate::uploads::Uploads;
use crate::{backend, tending};

/// Calls at the disk at once.
const AT_ONCE: usize = 16;

pub struct Service {
    options: Options,
}

pub(crate) struct State {
    pub storage: Storage,
    pub uploads: Mutex<Uploads>,
    pub options: Options,
    scrubbed: scrub::Shared,
}

impl Service {
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    pub async fn run(self, bus: Bus, mut shutdown: Shutdown) -> Result<(), BusError> {
        let keyring = match &self.options.keys_file {
            Some(path) => Keyring::open(path).map_err(|error| {
                BusError::new(BusErrorKind::Config, format!("[store] keys_file: {error}"))
            })?,
            None => Keyring::default(),
        };
        let setup = Setup {
            keyring,
            cold: cold(&self.options)?,
            ..Setup::default()
        };
        let storage = Storage::open_as(&self.options.data, setup).map_err(|error| {
            BusError::new(
                BusErrorKind::Io,
                format!("{}: {error}", self.options.data.display()),
            )
        })?;
        let state = Arc::new(State {
            storage,
            uploads: Mutex::default(),
            options: self.options,
            scrubbed: scrub::Shared::default(),
        });
        let scrubbing = tokio::spawn(scrub::run(
            state.clone(),
            state.scrubbed.clone(),
            shutdown.clone(),
        ));
        let tended = tokio::spawn(tending::run(state.clone(), shutdown.clone()));
        let of = |name, request, reply| Endpoint {
            name,
            subject: subjects::pit("store", name, &[]),
            request,
            reply,
        };
        let endpoints = vec![
            of("put", "Put", "PutReply"),
            Endpoint {
                subject: subjects::pit("store", "put", &["*"]),
                ..of("put_tenant", "Put", "PutReply")
            },
            of("erase", "EraseArtifacts", "ArtifactsErased"),
            of("get", "Get", "GetReply"),
            of("list", "ListArtifacts", "ArtifactList"),
            of("search", "SearchArtifacts", "ArtifactList"),
            of("tag", "TagArtifact", "Reply"),
            of("explain", "AskArtifact", "ArtifactExplained"),
            of("show", "Nothing", "StoreShow"),
            of("trail", "AskTrail", "Trail"),
            of("rewrap", "Nothing", "Rewrapped"),
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
        let _ = tokio::join!(scrubbing, tended); // they are told to stop, too
        // What is at the disk still is finished, so that no acknowledgement is lost.
        let _ = gate.acquire_many(u32::try_from(AT_ONCE).unwrap_or(1)).await;
        Ok(())
    }
}

fn cold(options: &Options) -> Result<Option<Cold>, BusError> {
    let Some(place) = &options.cold else {
        return Ok(None);
    };
    let backend = backend::named(place)
        .map_err(|error| BusError::new(BusErrorKind::Config, format!("[store] cold: {error}")))?;
    let after_ms = options.cold_after_hours.saturating_mul(3_600_000);
    Ok(Some(Cold::new(backend, after_ms)))
}

/// An answer of any operation.
enum Answer {
    Put(PutReply),
    Get(GetReply),
    List(ArtifactList),
    Verified(symphony_protocol::Verified),
    Explained(Box<ArtifactExplained>),
    Shown(StoreShow),
    Trail(Trail),
    Rewrapped(Rewrapped),
    Erased(ArtifactsErased),
    Done(Reply),
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
            Self::Explained(reply) => call.reply(&*reply).await,
            Self::Shown(reply) => call.reply(&reply).await,
            Self::Trail(reply) => call.reply(&reply).await,
            Self::Rewrapped(reply) => call.reply(&reply).await,
            Self::Erased(reply) => call.reply(&reply).await,
            Self::Done(reply) => call.reply(&reply).await,
            Self::Deleted(reply) => call.reply(&reply).await,
            Self::Failed(error) => call.fail(&error).await,
        }
    }
}

fn answer(state: &State, call: &Call) -> Answer {
    let made = match call.name {
        "put" => call
            .decode::<Put>()
            .map(|put| Answer::Put(put_reply(state, put, ""))),
        // The tenant is the token that the broker let this caller publish to.
        "put_tenant" => call.decode::<Put>().map(|put| {
            let tenant = call.subject.rsplit('.').next().unwrap_or_default();
            Answer::Put(put_reply(state, put, tenant))
        }),
        "erase" => call.decode::<EraseArtifacts>().and_then(|ask| {
            let tenant = subjects::safe(&ask.tenant);
            let erased = state.storage.erase(&tenant, wall_ms()).map_err(bus_error)?;
            Ok(Answer::Erased(erased))
        }),
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
            let verified = state.storage.verify(ask.digest.as_deref(), ask.repair, wall_ms());
            Ok(Answer::Verified(verified.map_err(bus_error)?))
        }),
        "search" => call.decode::<SearchArtifacts>().and_then(|ask| {
            let limit = usize::try_from(ask.limit).unwrap_or(100);
            let artifacts = state.storage.search(&ask.words, limit).map_err(bus_error)?;
            Ok(Answer::List(ArtifactList {
                artifacts,
                ..Default::default()
            }))
        }),
        "tag" => call.decode::<TagArtifact>().and_then(|ask| {
            let tags = state.storage.tag(&ask.digest, &ask.add, &ask.remove, wall_ms());
            Ok(Answer::Done(Reply {
                ok: true,
                message: tags.map_err(bus_error)?.join(" "),
                ..Default::default()
            }))
        }),
        "explain" => call.decode::<AskArtifact>().and_then(|ask| {
            let depth = usize::try_from(ask.depth).unwrap_or(8);
            let told = state.storage.explain(&ask.digest, depth).map_err(bus_error)?;
            Ok(Answer::Explained(Box::new(told)))
        }),
        "show" => show(state).map(Answer::Shown),
        "trail" => call.decode::<AskTrail>().and_then(|ask| {
            let limit = usize::try_from(ask.limit).unwrap_or(100);
            let trail = state.storage.trail(ask.start, limit).map_err(bus_error)?;
            Ok(Answer::Trail(trail))
        }),
        "rewrap" => {
            let told = state.storage.rewrap(wall_ms()).map_err(bus_error);
            told.map(Answer::Rewrapped)
        }
        "delete" => call
            .decode::<DeleteArtifacts>()
            .map(|ask| Answer::Deleted(delete(state, &ask))),
        _ => Err(BusError::new(BusErrorKind::NotFound, "no such operation")),
    };
    made.unwrap_or_else(Answer::Failed)
}

fn bus_error(error: Error) -> BusError {
    let kind = match error.kind() {
        ErrorKind::NotFound => BusErrorKind::NotFound,
        ErrorKind::Invalid => BusErrorKind::Invalid,
        ErrorKind::Corrupt | ErrorKind::TooLarge | ErrorKind::Unavailable => BusErrorKind::Io,
    };
    BusError::new(kind, error.to_string())
}

fn show(state: &State) -> Result<StoreShow, BusError> {
    let found = state
        .scrubbed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let mut shown = state.storage.show().map_err(bus_error)?;
    shown.scrubbed = found.read;
    for digest in &found.damaged {
        shown
            .damaged
            .push(state.storage.needed(digest).map_err(bus_error)?);
    }
    Ok(shown)
}
