//! Maps: their items, from a list to the outputs gathered.

use symphony_protocol::raw::{Head, Reader, write_array, write_map, write_text};
use symphony_protocol::{ArtifactNeed, Value};

use super::*;

/// Items of one map that are begun and not ended: memory follows what runs, not what is left.
const MAP_OPEN_MAX: u32 = 8192;
/// Items of one map.
const MAP_ITEMS_MAX: usize = 1_000_000;

impl Walk<'_> {
    /// A map over a list that is here, or that has to be read first.
    pub(crate) fn begin_map(&mut self, id: ExecId, list: Payload) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(node) = plot.node(id.node) else { return };
        let generation = self.generation(id.frame).unwrap_or_default();
        let time_ms = self.context.time_ms;
        let batch = node.for_each.as_ref().and_then(|each| each.batch);
        let values = match split(&list) {
            Ok(Split::Items(values)) => batched(values, batch),
            Ok(Split::Reference(digest)) => {
                if let Some(state) = self.run.node_mut(id.frame, id.node) {
                    state.exec.status = Status::Waiting;
                    state.exec.generation = generation;
                    state.items = Some(Box::default());
                }
                let waiting = self.context.waiting.entry(digest.clone()).or_default();
                waiting.insert((id, generation));
                return self.effects.needs.push(ArtifactNeed {
                    digest,
                    run: self.run.id.clone(),
                    trace: self.run.trace,
                });
            }
            Err(what) => return self.fail_unbegun(id, error("expression", format!("for_each: {what}"))),
        };
        if is_counted(node) {
            self.run.counts.total += u64::try_from(values.len()).unwrap_or_default();
        }
        let empty = values.is_empty();
        let Some(state) = self.run.node_mut(id.frame, id.node) else {
            return;
        };
        state.exec.status = Status::Open;
        state.exec.generation = generation;
        state.exec.first_ready_at_ms = time_ms;
        state.items = Some(Box::new(Items {
            values,
            ..Items::default()
        }));
        if empty {
            self.end(id, Status::Succeeded, Payload::default(), None);
        } else {
            self.push(Step::Expand, id);
        }
    }

    /// Begin as many items as may be open.
    pub(super) fn expand(&mut self, id: ExecId) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let each = plot.node(id.node).and_then(|node| node.for_each.as_ref());
        let most = each
            .and_then(|each| each.max_parallel)
            .and_then(|n| u32::try_from(n).ok());
        let most = most.unwrap_or(MAP_OPEN_MAX).clamp(1, MAP_OPEN_MAX);
        // What each item brings about stands in a list that is taken from its end: that of the first comes there last.
        let mut brought: Vec<Vec<Step>> = Vec::new();
        while let Some(next) = self.next_item(id, most) {
            let before = self.steps.len();
            self.begin(id.at(next));
            let mut steps = self.steps.split_off(before.min(self.steps.len()));
            // One that ended at once asks for the next, which follows here anyway.
            steps.retain(|step| !matches!(step, Step::Expand(map, _) if *map == id));
            if !steps.is_empty() {
                brought.push(steps);
            }
        }
        self.steps.extend(brought.into_iter().rev().flatten());
    }

    /// The next item that may be begun now.
    fn next_item(&mut self, id: ExecId, most: u32) -> Option<usize> {
        if self.run.status.ended() {
            return None;
        }
        let exhausted = self.begun >= STEPS_MAX;
        let state = self.run.node_mut(id.frame, id.node)?;
        let items = state
            .items
            .as_mut()
            .filter(|_| state.exec.status == Status::Open)?;
        let again = items.again.last().and_then(|item| usize::try_from(*item).ok());
        let next = again.unwrap_or(items.execs.len());
        if items.open >= most || next >= items.values.len() {
            return None;
        }
        if exhausted {
            self.resume_later(id);
            return None;
        }
        if items.again.pop().is_none() {
            items.execs.push(Exec::default());
        }
        items.open += 1;
        Some(next)
    }

    pub(super) fn item_ended(&mut self, id: ExecId) {
        let whole = id.whole();
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let ordered = plot
            .node(id.node)
            .and_then(|node| node.for_each.as_ref())
            .is_none_or(|each| each.ordered);
        let Some(state) = self.run.node_mut(id.frame, id.node) else {
            return;
        };
        // The map may have been given up while its items are being told so.
        let Some(items) = state.items.as_mut().filter(|_| state.exec.status == Status::Open) else {
            return;
        };
        items.open = items.open.saturating_sub(1);
        items.ended += 1;
        if !ordered {
            items.order.push(id.item);
        }
        if usize::try_from(items.ended).is_ok_and(|ended| ended < items.values.len()) {
            return self.push(Step::Expand, whole);
        }
        let at = usize::try_from(id.item).unwrap_or(usize::MAX);
        if let Some(last) = items.execs.get(at) {
            state.exec.run_us = last.run_us;
        }
        self.end(whole, Status::Succeeded, Payload::default(), None);
    }

    /// An item failed for good: it gives null, as long as enough others may still succeed.
    pub(super) fn let_pass(&mut self, id: ExecId, share: f64, problem: ErrorValue) {
        let Some(items) = self
            .run
            .node_mut(id.frame, id.node)
            .and_then(|state| state.items.as_mut())
        else {
            return;
        };
        items.failed += 1;
        let first = items.failed == 1;
        let count = items.values.len() as f64;
        // A share that is not quite a number of items asks for the next whole one; 1e-9 keeps 0.95 of 100 at 95.
        let needed = (share * count - 1e-9).ceil().max(0.0);
        let reachable = count - f64::from(items.failed) >= needed;
        if first && let Some(state) = self.run.node_mut(id.frame, id.node) {
            state.exec.rare().error = Some(problem.clone());
        }
        if reachable {
            return self.end(id, Status::Failed, Payload::default(), Some(problem));
        }
        let (whole, time_ms) = (id.whole(), self.context.time_ms);
        if let Some(exec) = self.run.exec_mut(id) {
            exec.settle(Status::Failed, Payload::default(), time_ms);
            exec.rare().error = Some(problem.clone());
        }
        let first = self
            .run
            .exec(whole)
            .and_then(Exec::error)
            .cloned()
            .unwrap_or(problem);
        let message = format!(
            "fewer than {}% of the items can succeed; first: {}",
            share * 100.0,
            first.message
        );
        self.close_items(whole);
        self.give_up(whole, ErrorValue { message, ..first });
    }

    /// The items that are open are wanted no more.
    pub(super) fn close_items(&mut self, whole: ExecId) {
        let items = self
            .run
            .node(whole.frame, whole.node)
            .and_then(|state| state.items.as_ref());
        let execs = items.iter().flat_map(|items| items.execs.iter().enumerate());
        let open: Vec<ExecId> = execs
            .filter(|(_, exec)| !exec.status.ended())
            .map(|(item, _)| whole.at(item))
            .collect();
        for id in open {
            self.cancel(id);
        }
    }
}

enum Split {
    Items(Vec<Payload>),
    Reference(String),
}

/// The items of a list, the entries of an object as `{key, value}`, or the artifact that stands for them.
fn split(list: &Payload) -> Result<Split, String> {
    let mut reader = Reader::new(list);
    let broken = |problem: symphony_protocol::WireError| problem.to_string();
    match reader.head().map_err(broken)? {
        Head::Nil => Ok(Split::Items(Vec::new())),
        Head::Array(count) if count <= MAP_ITEMS_MAX => {
            let whole = list.clone().into_bytes();
            let mut values = Vec::with_capacity(count);
            for _ in 0..count {
                values.push(whole.slice_ref(reader.value().map_err(broken)?).into());
            }
            Ok(Split::Items(values))
        }
        Head::Map(count) if count <= MAP_ITEMS_MAX => {
            if let Ok(value) = Value::unpack(list)
                && value.is_reference()
            {
                let digest = value.get("digest").and_then(Value::as_str).unwrap_or_default();
                return Ok(Split::Reference(digest.to_owned()));
            }
            let mut values = Vec::with_capacity(count);
            for _ in 0..count {
                let (key, value) = (reader.text().map_err(broken)?, reader.value().map_err(broken)?);
                let mut pair = Vec::with_capacity(key.len() + value.len() + 16);
                write_map(2, &mut pair);
                write_text("key", &mut pair);
                write_text(key, &mut pair);
                write_text("value", &mut pair);
                pair.extend_from_slice(value);
                values.push(pair.into());
            }
            Ok(Split::Items(values))
        }
        Head::Array(count) | Head::Map(count) => Err(format!("{count} items, at most {MAP_ITEMS_MAX}")),
        _ => Err("this is neither a list nor an object".to_owned()),
    }
}

/// Lists of so many items each, the last with what is left.
fn batched(values: Vec<Payload>, batch: Option<usize>) -> Vec<Payload> {
    let Some(size) = batch.filter(|size| *size > 0) else {
        return values;
    };
    let lists = values.chunks(size).map(|chunk| {
        let mut list = Vec::with_capacity(chunk.iter().map(|value| value.len()).sum::<usize>() + 5);
        write_array(chunk.len(), &mut list);
        chunk.iter().for_each(|value| list.extend_from_slice(value));
        list.into()
    });
    lists.collect()
}
