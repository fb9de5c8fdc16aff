//! What retention has to know of a record beside its summary: its shape, what it made, and the work in it.

use std::collections::BTreeSet;

use symphony_protocol::values::REFERENCE_MARK;
use symphony_protocol::{ArchiveRecord, NodeView, Payload, RunView, Value, decode};

use crate::core::shape::{Shape, magnitude};

/// Features of one run: beyond it a map's items say nothing new.
const FEATURES_MAX: usize = 4096;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traits {
    pub parent: Option<String>,
    pub work_us: u64,
    pub shape: Shape,
    /// Artifacts that its tasks made: they are in what came out of one and not in what went in.
    pub made: BTreeSet<String>,
}

impl Traits {
    pub fn of(record: &ArchiveRecord) -> Self {
        // A view of another version that cannot be read has a summary all the same.
        let view = decode::<RunView>(&record.view).unwrap_or_default();
        let features = features(record, &view);
        Self {
            parent: record.summary.parent.clone().or_else(|| view.parent.clone()),
            work_us: view.nodes.iter().map(|node| node.run_us).sum(),
            shape: Shape::of(features.iter().map(String::as_str)),
            made: made(&view),
        }
    }
}

fn features(record: &ArchiveRecord, view: &RunView) -> BTreeSet<String> {
    let summary = &record.summary;
    let mut found = BTreeSet::from([
        format!("workflow {}@{}", summary.workflow, summary.version),
        format!("status {}", summary.status),
        format!("tasks {}", magnitude(summary.tasks.total)),
        format!("retried {}", magnitude(summary.tasks.retried)),
        format!("time {}", magnitude(summary.duration_us) / 2),
    ]);
    found.extend(record.error_kind.iter().map(|kind| format!("error {kind}")));
    found.extend(view.inputs.iter().flat_map(given));
    for node in &view.nodes {
        if found.len() >= FEATURES_MAX {
            break;
        }
        found.extend(of_node(node));
    }
    found
}

fn of_node(node: &NodeView) -> Vec<String> {
    let path = unnumbered(&node.task);
    let capability = node.capability.as_deref().unwrap_or_default();
    let mut found = vec![format!("task {path} {capability} {}", node.status)];
    if node.attempts > 1 {
        found.push(format!("attempts {path} {}", magnitude(node.attempts)));
    }
    found.extend(
        node.error
            .iter()
            .map(|error| format!("failed {path} {}", error.kind)),
    );
    found
}

/// A path without the numbers of items: `outer[2].inner` is `outer[].inner`.
fn unnumbered(path: &str) -> String {
    let mut inside = false;
    let keep = |letter: &char| {
        let was = inside;
        inside = (inside || *letter == '[') && *letter != ']';
        !(was && inside)
    };
    path.chars().filter(keep).collect()
}

/// Inputs by name, type and magnitude.
fn given(inputs: &Payload) -> Vec<String> {
    let Ok(value) = Value::unpack(inputs) else {
        return Vec::new();
    };
    let fields = value.as_map().unwrap_or_default().iter();
    let told = fields.map(|(name, value)| {
        let size = match value {
            Value::Array(items) => items.len() as u64,
            _ => value
                .as_str()
                .map(|text| text.len() as u64)
                .or_else(|| value.as_f64().map(|number| number.abs().min(1e18) as u64))
                .or_else(|| value.as_map().map(|map| map.len() as u64))
                .unwrap_or_default(),
        };
        format!("input {name} {} {}", value.type_name(), magnitude(size))
    });
    told.collect()
}

fn made(view: &RunView) -> BTreeSet<String> {
    let mut given = BTreeSet::new();
    view.inputs.iter().for_each(|inputs| named(inputs, &mut given));
    let mut made = BTreeSet::new();
    for node in view.nodes.iter().filter(|node| node.status != "cached") {
        let (mut came, mut went) = (BTreeSet::new(), BTreeSet::new());
        node.outputs.iter().for_each(|outputs| named(outputs, &mut came));
        if !came.is_empty() {
            node.inputs.iter().for_each(|inputs| named(inputs, &mut went));
        }
        made.extend(came.difference(&went).cloned());
    }
    &made - &given
}

/// The digests of the references in a payload.
fn named(payload: &Payload, found: &mut BTreeSet<String>) {
    let mark = REFERENCE_MARK.as_bytes();
    if !payload.windows(mark.len()).any(|window| window == mark) {
        return;
    }
    let Ok(value) = Value::unpack(payload) else { return };
    let mut open = vec![&value];
    while let Some(value) = open.pop() {
        if value.is_reference() {
            found.extend(value.get("digest").and_then(Value::as_str).map(str::to_owned));
        }
        open.extend(value.as_array().unwrap_or_default());
        open.extend(value.as_map().unwrap_or_default().iter().map(|(_, inner)| inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphony_protocol::values::reference;
    use symphony_protocol::{RunSummary, encode};

    fn packed(digests: &[&str]) -> Option<Payload> {
        let all = digests
            .iter()
            .map(|digest| (digest[..1].to_owned(), reference(digest, 1, "text/plain")));
        Some(Value::Map(all.collect()).pack().into())
    }

    #[test]
    fn a_run_made_what_came_out_of_a_task_and_went_into_none() {
        let [given, made, cached] = ["a", "b", "c"].map(|letter| letter.repeat(64));
        let node = |task: &str, inputs: &[&str], outputs: &[&str], status: &str| NodeView {
            task: task.to_owned(),
            status: status.to_owned(),
            inputs: packed(inputs),
            outputs: packed(outputs),
            run_us: 5,
            ..Default::default()
        };
        let view = RunView {
            run: "1".repeat(32),
            inputs: packed(&[&given]),
            nodes: vec![
                node("echo", &[&given], &[&given], "succeeded"),
                node("make[3].it", &[&given], &[&made], "succeeded"),
                node("again", &[], &[&cached], "cached"),
                node("pass", &[&cached], &[&cached], "succeeded"),
            ],
            ..Default::default()
        };
        let record = ArchiveRecord {
            summary: RunSummary {
                parent: Some("9".repeat(32)),
                ..Default::default()
            },
            view: encode(&view).unwrap().into(),
            ..Default::default()
        };
        let traits = Traits::of(&record);
        assert_eq!(traits.made, BTreeSet::from([made]));
        assert_eq!((traits.work_us, traits.parent), (20, Some("9".repeat(32))));
    }

    #[test]
    fn paths_lose_the_numbers_of_items() {
        for (path, said) in [
            ("a", "a"),
            ("a[3]", "a[]"),
            ("outer[12].inner[0]", "outer[].inner[]"),
        ] {
            assert_eq!(unnumbered(path), said);
        }
    }
}
