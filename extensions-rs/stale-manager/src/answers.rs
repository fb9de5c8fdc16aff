//! What the service is asked, and what it answers.

use std::sync::Arc;

use symphony_protocol::{
    ArchiveBatch, AskRetention, AskRetentionAction, AskTombstones, AskTrail, AskWorth, Collect, Collected,
    EraseTenant, Erased, ExportPiece, ExportTrajectories, FindRuns, Hold, Purge, Purged, ReadExport, ReadRun,
    Reply, RetentionShow, Tombstones, Undo, Undone, subjects,
};
use symphony_sdk::clock::wall_ms;
use symphony_sdk::metrics::METRICS;
use symphony_sdk::{Call, Endpoint, Error, ErrorKind};

use crate::disk;
use crate::purge::{purge, purge_decisions};
use crate::service::State;
use crate::trajectories;

const DAY_MS: f64 = 86_400_000.0;

pub fn endpoints() -> Vec<Endpoint> {
    let of = |name, rest: &[&str], request, reply| Endpoint {
        name,
        subject: subjects::pit("stale", name, rest),
        request,
        reply,
    };
    vec![
        of("archive", &[], "ArchiveBatch", "Reply"),
        of("list", &["*"], "FindRuns", "RunList"),
        of("read", &["*"], "ReadRun", "ArchivedRun"),
        of("decisions", &["*"], "ReadRun", "RunDecisions"),
        of("hold", &[], "Hold", "Reply"),
        of("purge", &[], "Purge", "Purged"),
        of("collect", &[], "Collect", "Collected"),
        of("export", &[], "ExportTrajectories", "Exported"),
        of("piece", &[], "ReadExport", "ExportPiece"),
        of("policy", &[], "AskRetention", "RetentionShow"),
        of("explain", &[], "AskWorth", "Worth"),
        of("tombstones", &[], "AskTombstones", "Tombstones"),
        of("undo", &[], "Undo", "Undone"),
        of("trail", &[], "AskTrail", "Trail"),
        of("erase", &[], "EraseTenant", "Erased"),
        of("show", &[], "Nothing", "StaleShow"),
    ]
}

fn done(ok: bool, why: &str) -> Reply {
    Reply {
        ok,
        kind: (!ok).then(|| "not_found".to_owned()),
        message: if ok { String::new() } else { why.to_owned() },
        ..Default::default()
    }
}

/// Answer a call; what it cannot be answered is told its caller.
pub(crate) async fn answer(state: Arc<State>, call: Call) {
    let outcome = match call.name {
        "archive" | "list" | "read" | "decisions" | "hold" | "collect" | "purge" => {
            of_archive(state, &call).await
        }
        "show" => {
            call.finish(state.on_disk(|archive, _| archive.show()).await)
                .await;
            Ok(())
        }
        _ => of_retention(state, &call).await,
    };
    if let Err(error) = outcome {
        call.fail(&error).await;
    }
}

async fn of_archive(state: Arc<State>, call: &Call) -> Result<(), Error> {
    let tenant = subjects::last_token(&call.subject).to_owned();
    match call.name {
        "archive" => {
            let batch: ArchiveBatch = call.decode()?;
            state
                .on_disk(move |archive, _| archive.put(batch.records))
                .await?;
            call.reply(&done(true, "")).await;
        }
        "list" => {
            let ask: FindRuns = call.decode()?;
            let found = state
                .on_disk(move |archive, _| archive.list(&ask, &tenant))
                .await?;
            call.reply(&found).await;
        }
        "read" => {
            let ask: ReadRun = call.decode()?;
            let found = state
                .on_disk(move |archive, _| archive.read(&ask, &tenant))
                .await?;
            call.reply(&found).await;
        }
        "decisions" => {
            call.reply(&state.at_decisions(call.decode()?, tenant).await?)
                .await
        }
        "hold" => {
            let hold: Hold = call.decode()?;
            let held = state
                .on_disk(move |archive, _| archive.hold(&hold, wall_ms()))
                .await?;
            call.reply(&done(held, "no such run is archived")).await;
        }
        "purge" => call.reply(&purge_log(state, &call.decode()?).await?).await,
        _ => {
            let ask: Collect = call.decode()?;
            call.reply(&collect(state, ask).await?).await;
        }
    }
    Ok(())
}

async fn of_retention(state: Arc<State>, call: &Call) -> Result<(), Error> {
    match call.name {
        "policy" => call.reply(&policy(state, call.decode()?).await?).await,
        "explain" => {
            let ask: AskWorth = call.decode()?;
            let told = state
                .on_disk(move |archive, _| archive.explain(&ask.subject, wall_ms()))
                .await?;
            call.reply(&told).await;
        }
        "tombstones" => {
            let ask: AskTombstones = call.decode()?;
            let limit = usize::try_from(ask.limit).unwrap_or(100);
            let (count, doomed) = state
                .on_disk(move |archive, _| archive.catalogue.tombstones(limit))
                .await?;
            call.reply(&Tombstones {
                count,
                doomed,
                ..Default::default()
            })
            .await;
        }
        "undo" => call.reply(&undo(state, call.decode()?).await?).await,
        "trail" => {
            let ask: AskTrail = call.decode()?;
            let limit = usize::try_from(ask.limit).unwrap_or(100);
            let trail = state
                .on_disk(move |archive, _| archive.catalogue.trail(ask.start, limit))
                .await?;
            call.reply(&trail).await;
        }
        "erase" => call.reply(&erase(state, call.decode()?).await?).await,
        "export" => {
            let ask: ExportTrajectories = call.decode()?;
            let work = tokio::task::spawn_blocking(move || trajectories::export(&state, &ask));
            call.reply(&work.await.unwrap_or_else(|error| Err(disk(error)))?)
                .await;
        }
        "piece" => {
            let ask: ReadExport = call.decode()?;
            let work = tokio::task::spawn_blocking(move || state.decisions.piece(&ask.path, ask.offset));
            let data = work.await.unwrap_or_else(|error| Err(disk(error)))?;
            call.reply(&ExportPiece {
                data: data.into(),
                ..Default::default()
            })
            .await;
        }
        _ => return Err(Error::new(ErrorKind::NotFound, "no such operation")),
    }
    Ok(())
}

async fn collect(state: Arc<State>, ask: Collect) -> Result<Collected, Error> {
    let work = move |archive: &mut crate::Archive, _: &crate::decisions::Decisions| {
        let free = archive.unreferenced(ask.candidates, &ask.live, ask.now_ms)?;
        archive.catalogue.add_number("collected", free.len() as u64)?;
        Ok(Collected {
            unreferenced: free,
            ..Default::default()
        })
    };
    state.on_disk(work).await
}

async fn policy(state: Arc<State>, ask: AskRetention) -> Result<RetentionShow, Error> {
    let mut policies = state.policies.lock().await;
    let limit = usize::try_from(ask.limit).unwrap_or(100);
    let looked_through = match ask.action {
        AskRetentionAction::Show => None,
        AskRetentionAction::Plan => Some(policies.current().0),
        AskRetentionAction::Try => Some(policies.read(&ask.document)?),
        AskRetentionAction::Apply | AskRetentionAction::Reset => {
            policies.apply(ask).await?;
            let (policy, version) = policies.current();
            state
                .clone()
                .on_disk(move |archive, _| archive.adopt(policy, version, wall_ms()))
                .await?;
            state.look_now.notify_one();
            None
        }
    };
    let found = match looked_through {
        Some(policy) => {
            let look = move |archive: &mut crate::Archive, _: &_| archive.preview(&policy, limit, wall_ms());
            state.clone().on_disk(look).await?
        }
        None => RetentionShow::default(),
    };
    Ok(policies.show(found))
}

async fn undo(state: Arc<State>, ask: Undo) -> Result<Undone, Error> {
    if !ask.every && ask.runs.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "name a run, or say that every tombstone is meant",
        ));
    }
    let work = move |archive: &mut crate::Archive, _: &crate::decisions::Decisions| {
        let now_ms = wall_ms();
        let until_ms = now_ms.saturating_add((ask.days * DAY_MS) as u64);
        let runs = (!ask.every).then_some(ask.runs.as_slice());
        archive.catalogue.undo(runs, until_ms, now_ms)
    };
    Ok(Undone {
        runs: state.on_disk(work).await?,
        ..Default::default()
    })
}

/// What is in the stream goes as well, once it is in the archive: the follower takes the tenant's out on the way.
async fn erase(state: Arc<State>, ask: EraseTenant) -> Result<Erased, Error> {
    let tenant = ask.tenant;
    let work = move |archive: &mut crate::Archive, decisions: &crate::decisions::Decisions| {
        let erased = archive.erase(&tenant, decisions, wall_ms())?;
        Ok((erased, archive.catalogue.number("decisions")?))
    };
    let (erased, followed) = state.clone().on_disk(work).await?;
    METRICS
        .deleted_runs
        .with_label_values(&["erasure"])
        .inc_by(erased.runs);
    purge_decisions(&state.bus, followed).await?;
    tracing::info!(erased.runs, erased.decisions, "a tenant was erased");
    Ok(erased)
}

async fn purge_log(state: Arc<State>, ask: &Purge) -> Result<Purged, Error> {
    let messages = purge(&state.bus, ask).await?;
    state
        .on_disk(move |archive, _| archive.catalogue.add_number("purged", messages))
        .await?;
    Ok(Purged {
        messages,
        ..Default::default()
    })
}
