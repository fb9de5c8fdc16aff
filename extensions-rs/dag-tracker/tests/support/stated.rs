//! The state of a fold as a reader would write it down: what a golden file states, and what a fold must come to.

use serde_json::Map;
use symphony_dag_tracker::core::emit::{listens, open_execs};
use symphony_dag_tracker::core::state::Status;
use symphony_dag_tracker::core::view;
use symphony_protocol::{NodeView, Show};

use super::*;

/// All that clients, conductors and the log's later events can see of a fold.
pub fn state(fold: &Fold) -> Json {
    let mut keys: Vec<&u128> = fold.runs.keys().collect();
    keys.sort_unstable();
    let runs: Map<String, Json> = keys
        .iter()
        .map(|key| told(fold, fold.runs.get(key).unwrap()))
        .collect();
    let mut tombstones: Vec<String> = fold.buried.iter().map(|key| format!("{key:032x}")).collect();
    tombstones.sort();
    let parked = fold.parked.iter();
    let parked: Map<String, Json> = parked
        .map(|(key, words)| (format!("{key:032x}"), json!(words.len())))
        .collect();
    let supplied = fold.supplied.iter();
    let supplied: Map<String, Json> = supplied
        .map(|(digest, pieces)| (digest.clone(), json!(pieces.iter().flatten().count())))
        .collect();
    json!({
        "sequence": fold.sequence(),
        "time_ms": fold.context.time_ms,
        "version": fold.version,
        "owner_epoch": fold.owner.as_ref().map(|owner| owner.epoch),
        "live": fold.live,
        "ended": fold.ended.iter().map(|key| format!("{key:032x}")).collect::<Vec<_>>(),
        "tombstones": tombstones,
        "parked": parked,
        "supplied": supplied,
        "wanted_artifacts": fold.context.waiting.keys().collect::<Vec<_>>(),
        "wanted_workflows": fold.context.resolving.keys().map(|key| format!("{key:?}")).collect::<Vec<_>>(),
        "listens": listens(fold).keys().collect::<Vec<_>>(),
        "timers": fold.context.timers.iter().map(|timer| json!([timer.at_ms, format!("{:?}", timer.due)])).collect::<Vec<_>>(),
        "runs": runs,
    })
}

fn told(fold: &Fold, run: &Run) -> (String, Json) {
    let ask = Show {
        run: run.id.clone(),
        nodes: true,
        values: true,
        ..Default::default()
    };
    let shown = view::view(run, &ask);
    assert_eq!(shown.next, None, "a golden run fits a page");
    let mut open: Vec<Json> = open_execs(fold, run.key, Status::Ready)
        .into_iter()
        .map(|id| {
            let exec = run.exec(id).unwrap();
            json!([run.path(id), exec.generation, exec.r#try])
        })
        .collect();
    open.sort_by_key(ToString::to_string);
    let history = run.journal.iter().map(|entry| {
        let task = entry.task.as_deref().unwrap_or("-");
        json!(format!(
            "{} {} {task} {} {} by {}: {}",
            entry.sequence, entry.event, entry.attempt, entry.accepted, entry.by, entry.detail
        ))
    });
    let state = json!({
        "status": shown.status,
        "tenant": shown.tenant,
        "workflow": shown.workflow,
        "version": shown.version,
        "inputs": shown.inputs.as_ref().map(value),
        "outputs": shown.outputs.as_ref().map(value),
        "error": shown.error.as_ref().map(|error| json!([error.kind, error.message])),
        "tasks": [shown.tasks.total, shown.tasks.succeeded, shown.tasks.failed, shown.tasks.skipped, shown.tasks.retried],
        "submitted_at_ms": shown.submitted_at_ms,
        "ended_at_ms": shown.ended_at_ms,
        "parent": shown.parent,
        "paused": run.paused,
        "undoing": run.undoing.is_some(),
        "nodes": shown.nodes.iter().map(node).collect::<Vec<_>>(),
        "open": open,
        "history": history.collect::<Vec<_>>(),
    });
    (run.id.clone(), state)
}

fn node(node: &NodeView) -> Json {
    json!({
        "task": node.task,
        "status": node.status,
        "attempts": node.attempts,
        "worker": node.worker,
        "child": node.child,
        "error": node.error.as_ref().map(|error| json!([error.kind, error.message])),
        "inputs": node.inputs.as_ref().map(value),
        "outputs": node.outputs.as_ref().map(value),
    })
}

fn value(payload: &Payload) -> Json {
    serde_json::to_value(Value::unpack(payload).unwrap()).unwrap()
}

/// Whether a state is what a golden file states. A later program may state more, and never anything else.
pub fn states(golden: &Json, state: &Json, at: &str) {
    match (golden, state) {
        (Json::Object(golden), Json::Object(state)) => {
            for (name, wanted) in golden {
                let found = state
                    .get(name)
                    .unwrap_or_else(|| panic!("{at}.{name} is not there"));
                states(wanted, found, &format!("{at}.{name}"));
            }
        }
        (Json::Array(golden), Json::Array(state)) => {
            assert_eq!(golden.len(), state.len(), "{at}: {golden:?}, and now {state:?}");
            for (index, (wanted, found)) in golden.iter().zip(state).enumerate() {
                states(wanted, found, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(golden, state, "{at}"),
    }
}
