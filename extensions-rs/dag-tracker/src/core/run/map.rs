//! Maps: their items, from a list to the outputs gathered.

use super::*;

/// A map over a list that is here, or that has to be read first. True: the node has ended.
pub fn begin_map(
    run: &mut Run,
    node: &Node,
    index: usize,
    list: Payload,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let values = match split_items(&list) {
        Ok(Split::Items(values)) => values,
        Ok(Split::Reference(digest)) => {
            let id = id_of(run, index, WHOLE);
            if let Some(state) = run.nodes.get_mut(index) {
                state.exec.status = Status::Waiting;
                state.items = Some(Items::default());
            }
            context
                .waiting
                .entry(digest.clone())
                .or_default()
                .insert((id.run, id.node));
            effects.needs.push(digest);
            return false;
        }
        Err(what) => {
            return fail_node(
                run,
                node,
                index,
                error("expression", format!("for_each: {what}")),
                context,
                effects,
            );
        }
    };
    run.counts.total += u64::try_from(values.len()).unwrap_or_default();
    let empty = values.is_empty();
    if let Some(state) = run.nodes.get_mut(index) {
        state.exec.status = Status::Waiting;
        state.exec.first_ready_at_ms = context.time_ms;
        state.items = Some(Items {
            values,
            ..Items::default()
        });
    }
    if empty {
        return end(run, index, Status::Succeeded, Payload::default(), None, context);
    }
    expand(run, node, index, context, effects)
}

/// Begin as many items as may be open. True: the map has ended.
pub(super) fn expand(
    run: &mut Run,
    node: &Node,
    index: usize,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let most = node
        .for_each
        .as_ref()
        .and_then(|each| each.max_parallel)
        .and_then(|n| u32::try_from(n).ok());
    let most = most.unwrap_or(MAP_OPEN_MAX).min(MAP_OPEN_MAX);
    loop {
        let Some(items) = run.nodes.get_mut(index).and_then(|state| state.items.as_mut()) else {
            return false;
        };
        let next = items.execs.len();
        if items.open >= most || next >= items.values.len() {
            return false;
        }
        items.execs.push(Exec::default());
        items.open += 1;
        let item = u32::try_from(next).unwrap_or(WHOLE);
        if begin_exec(run, node, index, item, context, effects) {
            return true;
        }
        if run.status.ended() || run.nodes.get(index).is_none_or(|state| state.exec.status.ended()) {
            return run
                .nodes
                .get(index)
                .is_some_and(|state| state.exec.status.ended());
        }
    }
}

pub(super) enum Split {
    Items(Vec<Payload>),
    Reference(String),
}

/// The items of a list, the entries of an object as `{key, value}`, or the artifact that stands for them.
pub(super) fn split_items(list: &Payload) -> Result<Split, String> {
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

pub(super) fn item_ended(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    let Some(state) = run.nodes.get_mut(index) else {
        return false;
    };
    let Some(items) = state.items.as_mut() else {
        return false;
    };
    items.open = items.open.saturating_sub(1);
    items.ended += 1;
    let last = usize::try_from(item)
        .ok()
        .and_then(|at| items.execs.get(at))
        .map(|exec| (exec.run_us, exec.worker.clone()));
    if usize::try_from(items.ended).is_ok_and(|ended| ended >= items.values.len()) {
        if let Some((run_us, _)) = last {
            state.exec.run_us = run_us;
        }
        return end(run, index, Status::Succeeded, Payload::default(), None, context);
    }
    // A failing item may have ended the run or the map meanwhile; `expand` sees that.
    expand(run, node, index, context, effects)
}

/// An item that failed or was skipped counts as ended, with null as its output. True: its node has ended.
pub fn item_given_up(
    run: &mut Run,
    node: &Node,
    index: usize,
    item: u32,
    context: &mut Context,
    effects: &mut Effects,
) -> bool {
    item_ended(run, node, index, item, context, effects)
}
