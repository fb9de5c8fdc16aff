//! What the tracker answers when it is asked about runs.

use symphony_protocol::bounds::INLINE_PAYLOAD_BYTES_MAX;
use symphony_protocol::{
    ArchiveRecord, HistoryEntry, HistoryPage, ListRuns, NodeView, Payload, RunList, RunSummary, RunView,
    Show, encode, subjects::EVERY_TENANT,
};

use super::emit::{requires, version};
use super::fold::Fold;
use super::keep::pack_run;
use super::state::{Entry, Exec, ExecId, LOCK, Run, RunStatus, Status, run_key};

/// Nodes of one page: a page with values stays below the broker's bound.
const PAGE_NODES_MAX: usize = 1000;
const PAGE_BYTES_MAX: usize = 1024 * 1024;
const PAGE_ENTRIES_MAX: usize = 2000;
/// Of a record: it fits a message of its own, with room for what is counted only roughly.
const RECORD_BYTES_MAX: usize = 3 * 1024 * 1024;

pub fn may_see(run: &Run, tenant: &str) -> bool {
    tenant == EVERY_TENANT || &*run.tenant == tenant
}

/// The run's status as people know it: a run that only waits is `waiting`.
fn status(run: &Run) -> &'static str {
    if run.status.ended() {
        return run.status.word();
    }
    if run.paused {
        return "paused";
    }
    let mut waiting = false;
    for (id, exec) in run.execs() {
        match exec.status {
            Status::Ready if id.frame == LOCK => {} // those that it keeps waiting are looked at
            Status::Ready => return "running",
            Status::Waiting | Status::Held | Status::Delayed | Status::Undecided => waiting = true,
            _ => {}
        }
    }
    if waiting { "waiting" } else { "running" }
}

pub fn summary(run: &Run) -> RunSummary {
    let until = if run.status.ended() {
        run.ended_at_ms
    } else {
        run.submitted_at_ms
    };
    RunSummary {
        run: run.id.clone(),
        tenant: run.tenant.to_string(),
        workflow: run.workflow.clone(),
        version: version(run),
        status: status(run).to_owned(),
        tasks: run.counts.clone(),
        submitted_at_ms: run.submitted_at_ms,
        ended_at_ms: run.status.ended().then_some(run.ended_at_ms),
        duration_us: until.saturating_sub(run.submitted_at_ms) * 1000,
        parent: run.parent.as_ref().map(|parent| parent.run.clone()),
    }
}

/// Whether a run is among those that a list asks for.
fn asked_for(run: &Run, ask: &ListRuns) -> bool {
    let tagged = |tag: &String| {
        let plan = run.plan.as_ref();
        tag.split_once('=').is_some_and(|(name, value)| {
            plan.is_some_and(|plan| plan.tags.get(name).is_some_and(|have| have == value))
        })
    };
    let found = |text: &String| {
        let text = text.to_lowercase();
        let kind = run.error.as_ref().map_or("", |error| error.kind.as_str());
        run.id.contains(&text) || run.workflow.to_lowercase().contains(&text) || kind.contains(&text)
    };
    ask.workflow.as_ref().is_none_or(|wanted| *wanted == run.workflow)
        && ask.status.as_ref().is_none_or(|wanted| wanted == status(run))
        && ask.tag.as_ref().is_none_or(tagged)
        && ask.text.as_ref().is_none_or(found)
        && ask.since_ms.is_none_or(|since| run.submitted_at_ms >= since)
        && ask.until_ms.is_none_or(|until| run.submitted_at_ms < until)
}

/// Values larger than what travels inline are left out of a view: they are artifacts elsewhere.
fn shown(payload: &Payload) -> Option<Payload> {
    (!payload.is_empty() && payload.len() <= INLINE_PAYLOAD_BYTES_MAX).then(|| payload.clone())
}

fn node_view(run: &Run, id: ExecId, exec: &Exec, values: bool) -> NodeView {
    let called = run.called(id);
    let needs = called.as_ref().filter(|_| !exec.status.ended());
    NodeView {
        task: run.path(id),
        requires: needs.and_then(|called| called.node).and_then(requires),
        capability: called.as_ref().map(|called| called.function.capability.clone()),
        status: exec.status.word().to_owned(),
        attempts: u64::from(exec.r#try),
        worker: exec.worker.as_deref().map(str::to_owned),
        queued_us: exec.queued_us,
        run_us: exec.run_us,
        ready_at_ms: (exec.ready_at_ms > 0).then_some(exec.ready_at_ms),
        ended_at_ms: (exec.ended_at_ms > 0).then_some(exec.ended_at_ms),
        error: exec.error().cloned(),
        child: exec
            .rare
            .as_ref()
            .and_then(|rare| rare.child)
            .map(|key| format!("{key:032x}")),
        inputs: if values {
            shown(&inputs(run, id, exec))
        } else {
            None
        },
        outputs: if values { shown(&exec.output) } else { None },
        keys: run.keys(exec),
    }
}

/// The inputs of an execution; those of an ended one are rendered again, since outputs never change.
fn inputs(run: &Run, id: ExecId, exec: &Exec) -> Payload {
    if !exec.inputs.is_empty() || exec.r#try == 0 {
        return exec.inputs.clone();
    }
    let Some(spec) = run.spec(id) else {
        return Payload::default();
    };
    let with = exec
        .fallback
        .and_then(|at| spec.fallback.get(usize::from(at)))
        .and_then(|f| f.with.as_ref());
    let mut out = Vec::new();
    match with
        .unwrap_or(&spec.with)
        .write(&super::scope::RunScope::at(run, id), &mut out)
    {
        Ok(()) => out.into(),
        Err(_) => Payload::default(),
    }
}

pub fn show(fold: &Fold, show: &Show, tenant: &str) -> RunView {
    let found = run_key(&show.run)
        .and_then(|key| fold.runs.get(&key))
        .filter(|run| may_see(run, tenant));
    let Some(run) = found else {
        return RunView {
            found: false,
            run: show.run.clone(),
            ..Default::default()
        };
    };
    view(run, show)
}

pub fn view(run: &Run, show: &Show) -> RunView {
    let summary = summary(run);
    let mut made = RunView {
        found: true,
        run: run.id.clone(),
        tenant: Some(summary.tenant),
        workflow: Some(summary.workflow),
        version: Some(summary.version),
        status: summary.status,
        inputs: shown(&run.inputs),
        outputs: run.status.ended().then(|| super::emit::run_ended(run).0.outputs),
        error: run.error.as_deref().cloned(),
        tasks: run.counts.clone(),
        submitted_at_ms: run.submitted_at_ms,
        ended_at_ms: summary.ended_at_ms,
        duration_us: summary.duration_us,
        function_us: run.function_us,
        trace: run.trace,
        parent: summary.parent,
        nodes: Vec::new(),
        next: None,
        ..Default::default()
    };
    if show.nodes {
        let skip = usize::try_from(show.cursor).unwrap_or(usize::MAX);
        let mut size = 0;
        let shown = run.shown();
        let execs = shown.into_iter().filter_map(|id| Some((id, run.exec(id)?)));
        for (count, (id, exec)) in execs.skip(skip).enumerate() {
            if count >= PAGE_NODES_MAX || size > PAGE_BYTES_MAX {
                made.next = u64::try_from(skip + count).ok();
                break;
            }
            let node = node_view(run, id, exec, show.values);
            size += 256
                + node.inputs.as_ref().map_or(0, |p| p.len())
                + node.outputs.as_ref().map_or(0, |p| p.len());
            made.nodes.push(node);
        }
    }
    made
}

/// Runs in the tracker's memory, newest first.
pub fn list(fold: &Fold, ask: &ListRuns, tenant: &str) -> RunList {
    let mut found: Vec<&Run> = fold
        .runs
        .values()
        .filter(|run| may_see(run, tenant) && asked_for(run, ask))
        .collect();
    found.sort_by(|a, b| (b.submitted_sequence, &b.id).cmp(&(a.submitted_sequence, &a.id)));
    let skip = usize::try_from(ask.cursor).unwrap_or(usize::MAX);
    let limit = usize::try_from(ask.limit).unwrap_or(100);
    let runs: Vec<RunSummary> = found
        .iter()
        .skip(skip)
        .take(limit)
        .map(|run| summary(run))
        .collect();
    let next = (found.len() > skip.saturating_add(runs.len())).then(|| (skip + runs.len()) as u64);
    RunList {
        runs,
        next,
        ..Default::default()
    }
}

fn entry(entry: &Entry) -> HistoryEntry {
    HistoryEntry {
        sequence: entry.sequence,
        at_ms: entry.at_ms,
        event: entry.event.to_string(),
        task: entry.task.clone(),
        attempt: (entry.attempt > 0).then(|| u64::from(entry.attempt)),
        accepted: entry.accepted,
        by: entry.by.clone(),
        detail: entry.detail.chars().take(1000).collect(),
    }
}

pub fn history(fold: &Fold, run: &str, cursor: u64, tenant: &str) -> HistoryPage {
    let found = run_key(run)
        .and_then(|key| fold.runs.get(&key))
        .filter(|run| may_see(run, tenant));
    let Some(run) = found else {
        return HistoryPage {
            found: false,
            ..Default::default()
        };
    };
    let skip = usize::try_from(cursor).unwrap_or(usize::MAX);
    let entries: Vec<HistoryEntry> = run
        .journal
        .iter()
        .skip(skip)
        .take(PAGE_ENTRIES_MAX)
        .map(entry)
        .collect();
    let next =
        (run.journal.len() > skip.saturating_add(entries.len())).then(|| (skip + entries.len()) as u64);
    HistoryPage {
        found: true,
        entries,
        next,
        ..Default::default()
    }
}

/// All that is kept of an ended run.
pub fn record(run: &Run) -> Option<ArchiveRecord> {
    let mut whole = view(
        run,
        &Show {
            run: run.id.clone(),
            nodes: true,
            values: true,
            ..Default::default()
        },
    );
    whole.next = None;
    let entries: Vec<HistoryEntry> = run.journal.iter().take(PAGE_ENTRIES_MAX).map(entry).collect();
    let mut artifacts = Vec::new();
    named(run, &mut artifacts);
    artifacts.sort();
    artifacts.dedup();
    if artifacts.len() > symphony_protocol::bounds::BATCH_COUNT_MAX {
        artifacts = vec![EVERY_ARTIFACT.to_owned()];
    }
    let (view, history): (Payload, Payload) = (encode(&whole).ok()?.into(), encode(&entries).ok()?.into());
    // One that succeeded is not taken up again; what else is kept of a run comes before what it could go on by.
    let state = match run.status {
        RunStatus::Succeeded => None,
        _ => pack_run(run).filter(|state| view.len() + history.len() + state.len() <= RECORD_BYTES_MAX),
    };
    Some(ArchiveRecord {
        state: state.unwrap_or_default(),
        summary: summary(run),
        error_kind: run.error.as_ref().map(|error| error.kind.clone()),
        tags: run
            .plan
            .as_ref()
            .map(|plan| plan.tags.clone())
            .unwrap_or_default(),
        artifacts,
        document_digest: run
            .plan
            .as_ref()
            .map_or_else(|| "none".to_owned(), |plan| plan.digest.clone()),
        view,
        history,
    })
}

/// Of some artifacts, those that a run refers to which is not archived yet: in its inputs, its outputs or its tasks'.
pub fn referred(fold: &Fold, candidates: Vec<String>) -> Vec<String> {
    let mut used = Vec::new();
    for run in fold.runs.values() {
        named(run, &mut used);
    }
    let used: std::collections::HashSet<String> = used.into_iter().collect();
    let waiting = &fold.context.waiting;
    let needed = |digest: &String| used.contains(digest) || waiting.contains_key(digest);
    candidates.into_iter().filter(needed).collect()
}

/// Stands for more artifacts than a record can list: while such a run is kept, none may go.
const EVERY_ARTIFACT: &str = "*";

/// The artifacts that a run names: in its inputs, its outputs or its tasks'.
fn named(run: &Run, found: &mut Vec<String>) {
    for payload in [&run.given_inputs, &run.inputs, &run.outputs] {
        digests(payload, found);
    }
    for (_, frame) in run.frames.iter() {
        if let Some(within) = &frame.within {
            digests(&within.inputs, found);
            digests(&within.state, found);
        }
        let values = frame.nodes.iter().flat_map(|node| &node.items);
        values
            .flat_map(|items| &items.values)
            .for_each(|value| digests(value, found));
    }
    for (_, exec) in run.execs() {
        digests(&exec.inputs, found);
        digests(&exec.output, found);
    }
}

/// The digests of the references in a payload.
pub fn digests(payload: &Payload, found: &mut Vec<String>) {
    // A payload without the mark has none: most are told by one search, without building a value.
    let mark = symphony_protocol::values::REFERENCE_MARK.as_bytes();
    if !payload.windows(mark.len()).any(|window| window == mark) {
        return;
    }
    let Ok(value) = symphony_protocol::Value::unpack(payload) else {
        return;
    };
    let mut open = vec![&value];
    while let Some(value) = open.pop() {
        if value.is_reference() {
            found.extend(
                value
                    .get("digest")
                    .and_then(|digest| digest.as_str())
                    .map(str::to_owned),
            );
        }
        open.extend(value.as_array().unwrap_or_default());
        open.extend(value.as_map().unwrap_or_default().iter().map(|(_, inner)| inner));
    }
}
