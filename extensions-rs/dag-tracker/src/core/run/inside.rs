//! Tasks that have tasks inside them: branches, turns of loops, merged workflows.

use std::borrow::Cow;

use symphony_expression::Root;
use symphony_protocol::Value;
use symphony_protocol::bounds::TASK_PATH_LENGTH_MAX;
use symphony_protocol::raw::{Head, Reader, write_map, write_text};
use symphony_workflow::{Branch, Repeat, Test};

use super::*;
use crate::core::state::Within;

/// Frames inside frames: walks over them go as deep.
const DEPTH_MAX: u32 = 32;

impl Walk<'_> {
    /// The first branch that holds.
    pub(super) fn begin_switch(&mut self, id: ExecId, branches: &[Branch]) {
        for (index, branch) in branches.iter().enumerate() {
            let holds = match &branch.when {
                Some(when) => when.truth(&RunScope::at(self.run, id)),
                None => Ok(true),
            };
            match holds {
                Ok(true) => {
                    if let Some(exec) = self.run.exec_mut(id) {
                        exec.rare().branch = u32::try_from(index).unwrap_or(u32::MAX);
                    }
                    if let Some(frame) = self.open_frame(branch.graph, Within::new(id)) {
                        self.begin_frame(frame);
                    }
                    return;
                }
                Ok(false) => {}
                Err(problem) => return self.fail(id, fault("", &problem)),
            }
        }
        self.end(id, Status::Skipped, Payload::default(), None);
    }

    pub(super) fn begin_repeat(&mut self, id: ExecId, repeat: &Repeat) {
        let state = self.render(id, &repeat.state).and_then(object);
        match state {
            Ok(state) => {
                let within = Within {
                    state,
                    ..Within::new(id)
                };
                if self.open_frame(repeat.graph, within).is_some() {
                    self.push(Step::Turn, id);
                }
            }
            Err(problem) => self.fail(id, problem),
        }
    }

    /// Before a turn: `while` is asked, and turns are counted.
    pub(super) fn turn(&mut self, id: ExecId) {
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        let Some(Kind::Repeat(repeat)) = plot.node(id.node).map(|node| &node.kind) else {
            return;
        };
        let Some(exec) = self.run.exec(id).filter(|exec| exec.status == Status::Open) else {
            return;
        };
        let Some((number, frame)) = exec
            .inner()
            .and_then(|number| Some((number, self.run.frame(number)?)))
        else {
            return;
        };
        let Some((state, iteration)) = frame.turn().map(|(state, number)| (state.clone(), number)) else {
            return;
        };
        if let Test::While(test) = &repeat.test {
            let scope = RunScope::at(self.run, id)
                .with("state", Root::Raw(&state))
                .with("iteration", Root::Value(Cow::Owned(Value::from(iteration))));
            match test.truth(&scope) {
                Ok(true) => {}
                Ok(false) => return self.end_repeat(id, number, &state, iteration),
                Err(problem) => return self.fail(id, fault("", &problem)),
            }
        }
        if iteration >= repeat.max_iterations {
            let message = format!("the loop is not done after {iteration} turns (max_iterations)");
            return self.fail(id, error("limit", message));
        }
        if self.begun >= STEPS_MAX {
            return self.resume_later(id);
        }
        self.begun += 1;
        self.begin_frame(number);
    }

    /// The last task of a turn has ended: `next` makes the state that follows, then `until` is asked.
    fn turn_done(&mut self, id: ExecId, number: u32, repeat: &Repeat) {
        let Some(frame) = self.run.frame(number) else {
            return;
        };
        let Some((mut state, turns)) = frame.turn().map(|(state, number)| (state.clone(), number + 1)) else {
            return;
        };
        if let Some(next) = &repeat.next {
            let mut out = Vec::new();
            let written = next.write(&RunScope::of(self.run, number), &mut out);
            let made = written.map_err(|problem| fault("next: ", &problem));
            match made.and_then(|()| object(out.into())) {
                Ok(made) => state = made,
                Err(problem) => return self.fail(id, problem),
            }
        }
        if let Test::Until(test) = &repeat.test {
            let scope = RunScope::of(self.run, number).with("state", Root::Raw(&state));
            match test.truth(&scope) {
                Ok(false) => {}
                Ok(true) => return self.end_repeat(id, number, &state, turns),
                Err(problem) => return self.fail(id, fault("", &problem)),
            }
        }
        if let Some(frame) = self.run.frames.get_mut(number) {
            if let Some(within) = frame.within.as_mut() {
                within.state = state;
                within.iteration = turns;
            }
            frame.base_us = frame.way_us();
        }
        self.push(Step::Turn, id);
    }

    fn end_repeat(&mut self, id: ExecId, number: u32, state: &Payload, turns: u64) {
        let mut out = Vec::with_capacity(state.len() + 32);
        write_map(2, &mut out);
        write_text("state", &mut out);
        out.extend_from_slice(state);
        write_text("iterations", &mut out);
        Value::from(turns).write(&mut out);
        self.take_time(id, number);
        self.succeed(id, out.into());
    }

    /// A frame for what is inside an execution. None: it may not be made, and the execution has failed.
    pub(super) fn open_frame(&mut self, graph: usize, mut within: Within) -> Option<u32> {
        let id = within.parent;
        let outer = self.run.frame(id.frame);
        within.inline = within.inline.or_else(|| outer?.inline().cloned());
        let depth = outer.map_or(0, |outer| outer.depth) + 1;
        let made = Frame {
            graph: u32::try_from(graph).unwrap_or(u32::MAX),
            within: Some(Box::new(within)),
            depth,
            base_us: self.run.node(id.frame, id.node).map_or(0, |state| state.path_us),
            ..Frame::default()
        };
        let number = self.run.frames.add(made);
        let names = self.run.plot(number);
        let names = names
            .iter()
            .flat_map(|plot| plot.graph())
            .flat_map(|graph| &graph.nodes);
        let longest = names.map(|node| node.name.len()).max().unwrap_or_default();
        // Room for the item of a map, `[4294967294]`, behind the name.
        if depth > DEPTH_MAX || self.run.path(id).len() + longest + 14 > TASK_PATH_LENGTH_MAX {
            self.run.frames.remove(number);
            let message = format!(
                "tasks inside tasks: at most {DEPTH_MAX}, and paths of {TASK_PATH_LENGTH_MAX} characters"
            );
            self.fail(id, error("limit", message));
            return None;
        }
        let before = self.run.exec(id).and_then(Exec::inner);
        before.into_iter().for_each(|old| self.run.frames.remove(old));
        let exec = self.run.exec_mut(id)?;
        exec.status = Status::Open;
        exec.rare().inner = Some(number);
        Some(number)
    }

    /// Begin the tasks of a frame, or begin them anew: what was inside them is gone, and the frame has a new generation.
    pub(super) fn begin_frame(&mut self, number: u32) {
        let Some(plot) = self.run.plot(number) else { return };
        let Some(graph) = plot.graph() else { return };
        let nodes = self.run.frame(number).map_or(&[][..], |frame| &frame.nodes);
        let inner: Vec<u32> = nodes.iter().flat_map(NodeState::inner).collect();
        inner.into_iter().for_each(|frame| self.run.frames.remove(frame));
        // The document's own graph has generation 0, as long as nothing is rolled back.
        if number > 0 {
            self.run.generation += 1;
        }
        let generation = self.run.generation;
        let rest_us = self.rest_us(number);
        let Some(frame) = self.run.frames.get_mut(number) else {
            return;
        };
        frame.generation = generation;
        frame.remaining = u32::try_from(graph.nodes.len()).unwrap_or(u32::MAX);
        frame.rest_us = rest_us;
        frame.nodes.clear();
        frame.nodes.extend(graph.nodes.iter().map(|node| NodeState {
            missing: u32::try_from(node.edges.len()).unwrap_or(u32::MAX),
            ..NodeState::default()
        }));
        let empty = frame.nodes.is_empty();
        if empty {
            self.push(Step::Done, self.run.id_of(number, 0, WHOLE));
        }
        for (node, spec) in graph.nodes.iter().enumerate().rev() {
            if spec.edges.is_empty() {
                let node = u32::try_from(node).unwrap_or(WHOLE);
                self.push(Step::Activate, self.run.id_of(number, node, WHOLE));
            }
        }
    }

    /// The longest ways from each node to the end of the run.
    pub(super) fn rest_us(&self, number: u32) -> Box<[u64]> {
        let estimate = |node: &Node| self.context.estimate(node);
        let behind = self.run.frame(number).and_then(Frame::parent).and_then(|id| {
            let at = usize::try_from(id.node).ok()?;
            let whole = self.run.frame(id.frame)?.rest_us.get(at).copied()?;
            // Without the task around, whose time is that of what is inside.
            let plot = self.run.plot(id.frame)?;
            Some(whole.saturating_sub(plot.plan.own_us(plot.node(id.node)?, &estimate)))
        });
        let behind = behind.unwrap_or_default();
        let plot = self.run.plot(number);
        let own = plot.map(|plot| plot.rest_us(&estimate)).unwrap_or_default();
        own.into_iter().map(|us| us.saturating_add(behind)).collect()
    }

    /// The last task of a frame has ended.
    pub(super) fn frame_done(&mut self, number: u32) {
        let Some(frame) = self.run.frame(number).filter(|frame| frame.remaining == 0) else {
            return;
        };
        let Some(id) = frame.parent() else {
            return self.finish_run();
        };
        let is_current = |exec: &&Exec| exec.status == Status::Open && exec.inner() == Some(number);
        let Some(exec) = self.run.exec(id).filter(is_current) else {
            return;
        };
        let branch = exec.rare.as_ref().map_or(0, |rare| rare.branch);
        let Some(plot) = self.run.plot(id.frame) else {
            return;
        };
        match plot.node(id.node).map(|node| &node.kind) {
            Some(Kind::Repeat(repeat)) => self.turn_done(id, number, repeat),
            Some(Kind::Switch(_)) => {
                match self.outputs(number, Some(("branch", Value::from(u64::from(branch))))) {
                    Ok(outputs) => {
                        self.take_time(id, number);
                        self.succeed(id, outputs);
                    }
                    Err(problem) => self.fail(id, problem),
                }
            }
            _ => match self.outputs(number, None) {
                Ok(outputs) => {
                    self.take_time(id, number);
                    self.succeed(id, outputs);
                }
                Err(problem) => self.fail(id, problem),
            },
        }
    }

    /// What a frame gives to the outside: an object, with one more entry where its holder adds it.
    pub(super) fn outputs(&self, number: u32, more: Option<(&str, Value)>) -> Result<Payload, ErrorValue> {
        let mut out = Vec::new();
        let plot = self.run.plot(number);
        match plot.as_ref().and_then(|plot| plot.graph()?.outputs.as_ref()) {
            None => out.push(0x80),
            Some(template) => template
                .write(&RunScope::of(self.run, number), &mut out)
                .map_err(|problem| fault("outputs: ", &problem))?,
        }
        let Some((name, value)) = more else {
            return Ok(out.into());
        };
        let mut reader = Reader::new(&out);
        let Ok(Head::Map(count)) = reader.head() else {
            return Err(error("expression", "outputs: this is no object"));
        };
        let mut whole = Vec::with_capacity(out.len() + 16);
        write_map(count + 1, &mut whole);
        whole.extend_from_slice(reader.rest());
        write_text(name, &mut whole);
        value.write(&mut whole);
        Ok(whole.into())
    }

    /// The function time along the longest way through a frame is that of the execution around it.
    fn take_time(&mut self, id: ExecId, number: u32) {
        let before = self.run.node(id.frame, id.node).map_or(0, |state| state.path_us);
        let Some(frame) = self.run.frame(number) else {
            return;
        };
        let run_us = frame.way_us().saturating_sub(before);
        if let Some(exec) = self.run.exec_mut(id) {
            exec.run_us = run_us;
        }
    }

    /// What is inside an execution is wanted no more.
    pub(super) fn close_inside(&mut self, id: ExecId) {
        let Some(number) = self.run.exec(id).and_then(Exec::inner) else {
            return;
        };
        self.close_frame(number);
        for parent in self.run.frames.keep(number) {
            if let Some(exec) = self.run.exec_mut(parent) {
                exec.rare().inner = None;
            }
        }
    }

    /// Cancel all that is open in a frame, and inside it.
    pub(super) fn close_frame(&mut self, number: u32) {
        let Some(frame) = self.run.frame(number) else {
            return;
        };
        if frame.remaining == 0 {
            return;
        }
        let mut open = Vec::new();
        for (state, node) in frame.nodes.iter().zip(0..) {
            let whole = self.run.id_of(number, node, WHOLE);
            let items = state
                .items
                .iter()
                .flat_map(|items| items.execs.iter().enumerate());
            let items = items.map(|(item, exec)| (whole.at(item), exec));
            let all = items.chain([(whole, &state.exec)]);
            open.extend(all.filter(|(_, exec)| !exec.status.ended()).map(|(id, _)| id));
        }
        for id in open {
            self.cancel(id);
        }
        if let Some(frame) = self.run.frames.get_mut(number) {
            frame.remaining = 0;
        }
    }

    /// Enough was done for one event: the rest is due at once, at the next.
    pub(super) fn resume_later(&mut self, id: ExecId) {
        let at_ms = self.context.time_ms + 1;
        self.set_own_timer(id, Due::Resume, at_ms);
    }
}

fn object(value: Payload) -> Result<Payload, ErrorValue> {
    match Reader::new(&value).head() {
        Ok(Head::Map(_)) => Ok(value),
        _ => Err(error("expression", "the state of a loop is an object")),
    }
}
