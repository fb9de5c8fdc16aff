//! The workflows of the scenarios. Steps are durable one by one (`pure: false`) unless a document is said to be pure.

use serde_json::{Map, Value as Json, json};
use symphony_sdk::{Error, ErrorKind};
use symphony_workflow::pack;

/// The steps of the business flow, in their order: an order is taken, paid for and sent.
pub const FLOW: [&str; 9] = [
    "validate", "reserve", "price", "charge", "invoice", "pack", "label", "ship", "notify",
];

fn document(name: &str, tasks: Json) -> Json {
    json!({"workflow": format!("bench-{name}"), "version": "1.0.0", "tasks": tasks})
}

/// A chain of no-op steps. `pure`: the function stays as its manifest declares it.
pub fn chain(steps: usize, pure: bool) -> Json {
    let mut tasks = Map::new();
    for step in 0..steps {
        let after: Vec<String> = step
            .checked_sub(1)
            .map(|before| format!("s{before}"))
            .into_iter()
            .collect();
        let mut task = json!({"call": "test.noop", "after": after});
        if let (false, Some(words)) = (pure, task.as_object_mut()) {
            words.insert("pure".to_owned(), Json::Bool(false));
        }
        tasks.insert(format!("s{step}"), task);
    }
    document("chain", Json::Object(tasks))
}

/// Nine small steps in a row, each given what the one before said.
pub fn flow() -> Json {
    let mut tasks = Map::new();
    let mut order = "${inputs.order}".to_owned();
    for step in FLOW {
        let with = json!({"step": step, "order": order});
        tasks.insert(
            step.to_owned(),
            json!({"call": "test.echo", "with": with, "pure": false}),
        );
        order = format!("${{tasks.{step}.order}}");
    }
    let order =
        json!({"order": {"type": "object", "default": {"id": 1, "sku": "a-1", "count": 2, "cents": 4990}}});
    let mut made = document("flow", Json::Object(tasks));
    if let Some(words) = made.as_object_mut() {
        words.insert("inputs".to_owned(), order);
        words.insert("outputs".to_owned(), json!({"order": "${tasks.notify.order}"}));
    }
    made
}

/// A map of no-ops and what joins them.
pub fn fanout(items: usize) -> Json {
    document(
        "fanout",
        json!({
            "fan": {"call": "test.noop", "for_each": format!("range({items})"), "pure": false},
            "join": {"call": "test.noop", "after": ["fan"], "pure": false},
        }),
    )
}

pub fn map(items: usize) -> Json {
    document(
        "map",
        json!({"each": {"call": "test.noop", "for_each": format!("range({items})"), "pure": false}}),
    )
}

/// Tasks that hold a slot and need no processor.
pub fn sleeps(items: usize, ms: u64) -> Json {
    let with = json!({"seconds": ms as f64 / 1000.0});
    document(
        "sleep",
        json!({"work": {"call": "time.sleep", "for_each": format!("range({items})"), "with": with}}),
    )
}

/// One task that holds its slot for a while.
pub fn sleep(ms: u64) -> Json {
    let with = json!({"seconds": ms as f64 / 1000.0});
    document("rest", json!({"work": {"call": "time.sleep", "with": with}}))
}

/// Tasks that compute.
pub fn computes(items: usize, ms: u64) -> Json {
    document(
        "busy",
        json!({"work": {"call": "test.busy", "for_each": format!("range({items})"), "with": {"ms": ms}}}),
    )
}

/// One step that gives back what the run was given.
pub fn echo() -> Json {
    let mut made = document(
        "echo",
        json!({"echo": {"call": "test.echo", "with": {"data": "${inputs.data}"}, "pure": false}}),
    );
    if let Some(words) = made.as_object_mut() {
        words.insert("inputs".to_owned(), json!({"data": {"type": "any"}}));
        words.insert("outputs".to_owned(), json!({"data": "${tasks.echo.data}"}));
    }
    made
}

/// A run that waits for a signal.
pub fn waits() -> Json {
    document("wait", json!({"wait": {"wait_for": {"signal": "go"}}}))
}

/// A document as it travels inside a submission.
pub fn packed(document: &Json) -> Result<Vec<u8>, Error> {
    pack(document.to_string().as_bytes())
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "the document is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_durable_unless_the_chain_is_to_be_pure() {
        let strict = chain(40, false);
        let tasks = strict["tasks"].as_object().unwrap();
        assert_eq!(tasks.len(), 40);
        assert!(tasks.values().all(|task| task["pure"] == false));
        assert!(chain(40, true)["tasks"]["s7"].get("pure").is_none());
    }

    #[test]
    fn the_flow_has_nine_steps_in_a_row() {
        let made = flow();
        let tasks = made["tasks"].as_object().unwrap();
        assert_eq!(tasks.len(), 9);
        assert_eq!(tasks["validate"]["with"]["order"], "${inputs.order}");
        assert_eq!(tasks["notify"]["with"]["order"], "${tasks.ship.order}");
    }
}
