//! The workflow's own lock: held over several tasks, from the start of the first of them to the end of the last.
//!
//! It is asked for like the keys of a task, by an execution that no worker runs. The ledger's answer comes back through the
//! log, as a decision: so what waits for it, and that it has it, is folded.

use std::sync::LazyLock;

use symphony_protocol::{HoldKey, Wants};
use symphony_workflow::ScopedLock;

use super::hold::key_of;
use super::*;
use crate::core::state::LOCK;

/// The path of what asks for it: no task is called so.
pub const LOCK_PATH: &str = ":lock";

/// What it calls, as who gives it out sees it.
pub(crate) static NOTHING: LazyLock<Function> = LazyLock::new(|| Function {
    capability: LOCK_PATH.to_owned(),
    range: None,
});

/// The lock of a run. `exec` is `Ready` from when it is asked for until it is let go of; its try counts how often that was.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scoped {
    pub exec: Exec,
    /// Of the hold, once the ledger has granted it.
    pub token: Option<u64>,
    /// Nodes of the run's own graph that could begin and wait for it.
    pub waiting: Vec<u32>,
}

impl Scoped {
    pub fn key(&self) -> Option<&str> {
        let keys = self.exec.wants().map(|wants| &wants.keys);
        Some(keys?.first()?.key.as_str())
    }
}

impl Run {
    fn scope(&self) -> Option<&ScopedLock> {
        self.plan.as_ref()?.lock.as_ref()
    }

    fn in_scope(&self, node: u32) -> bool {
        let at = usize::try_from(node).unwrap_or(usize::MAX);
        self.scope().is_some_and(|lock| lock.scope.contains(&at))
    }

    /// The keys that an execution holds or waits for.
    pub fn keys(&self, exec: &Exec) -> Vec<String> {
        if exec.status == Status::Held {
            let key = self.lock.as_ref().and_then(|lock| lock.key());
            return key.into_iter().map(str::to_owned).collect();
        }
        let wants = exec.wants().filter(|_| !exec.status.ended());
        let keys = wants.into_iter().flat_map(|wants| {
            let rate = wants.rate.iter().map(|rate| &rate.key);
            wants.keys.iter().map(|key| &key.key).chain(rate)
        });
        keys.cloned().collect()
    }

    /// The token of the workflow's lock, by its key, for what is in its scope or inside of it.
    pub fn fence(&self, id: ExecId) -> Option<(String, u64)> {
        let scoped = self.lock.as_ref()?;
        let mut at = id;
        while let Some(parent) = self.frame(at.frame).and_then(Frame::parent) {
            at = parent;
        }
        let held = at.frame == LOCK || (at.frame == 0 && self.in_scope(at.node));
        held.then(|| Some((scoped.key()?.to_owned(), scoped.token?)))?
    }
}

impl Walk<'_> {
    fn lock_id(&self) -> ExecId {
        self.run.id_of(LOCK, 0, WHOLE)
    }

    /// Whether a task that could begin has to wait for the workflow's lock. The first that comes asks for it.
    pub(super) fn waits_for_lock(&mut self, id: ExecId) -> Result<bool, ErrorValue> {
        if id.frame != 0 || !self.run.in_scope(id.node) {
            return Ok(false);
        }
        let asked = self
            .run
            .lock
            .as_ref()
            .is_some_and(|lock| lock.exec.status == Status::Ready);
        if asked && self.run.lock.as_ref().is_some_and(|lock| lock.token.is_some()) {
            return Ok(false);
        }
        if !asked {
            self.ask_for_lock()?;
        }
        if let Some(lock) = self.run.lock.as_mut() {
            lock.waiting.push(id.node);
        }
        let generation = self.generation(id.frame).unwrap_or_default();
        if let Some(exec) = self.run.exec_mut(id) {
            exec.status = Status::Held;
            exec.generation = generation;
        }
        Ok(true)
    }

    fn ask_for_lock(&mut self) -> Result<(), ErrorValue> {
        let Some(lock) = self.run.scope() else {
            return Ok(());
        };
        let mut out = Vec::new();
        let written = lock.key.write(&RunScope::of(self.run, 0), &mut out);
        written.map_err(|problem| fault("lock: ", &problem))?;
        let wants = Wants {
            keys: vec![HoldKey {
                key: key_of("lock", &out)?,
                ..Default::default()
            }],
            scope: true,
            ..Default::default()
        };
        let time_ms = self.context.time_ms;
        let scoped = self.run.lock.get_or_insert_default();
        scoped.token = None;
        scoped.exec.r#try += 1;
        scoped.exec.status = Status::Ready;
        scoped.exec.ready_at_ms = time_ms;
        scoped.exec.inputs = Payload::from_static(&[0x80]);
        scoped.exec.rare().wants = Some(wants.into());
        let id = self.lock_id();
        self.effects.ready.push(id);
        Ok(())
    }

    /// The ledger has granted it: what waited for it begins.
    pub(crate) fn lock_acquired(&mut self, token: u64) {
        let open = |lock: &&mut Box<Scoped>| lock.exec.status == Status::Ready && lock.token.is_none();
        let Some(lock) = self.run.lock.as_mut().filter(open) else {
            return;
        };
        lock.token = Some(token);
        for node in std::mem::take(&mut lock.waiting).into_iter().rev() {
            let id = self.run.id_of(0, node, WHOLE);
            if let Some(exec) = self.run.exec_mut(id).filter(|exec| exec.status == Status::Held) {
                exec.status = Status::Pending;
                self.push(Step::Activate, id);
            }
        }
    }

    /// A task has ended: the lock is let go of with the last of its scope.
    pub(super) fn leave_scope(&mut self, id: ExecId) {
        if self.run.lock.is_none() || id.frame != 0 || id.item != WHOLE || !self.run.in_scope(id.node) {
            return;
        }
        let scope = self
            .run
            .scope()
            .map(|lock| lock.scope.as_slice())
            .unwrap_or_default();
        let nodes = self.run.frame(0).map_or(&[][..], |frame| &frame.nodes);
        let open = |at: &usize| nodes.get(*at).is_some_and(|state| !state.exec.status.ended());
        if !scope.iter().any(open) {
            self.drop_lock();
        }
    }

    /// It is wanted no more, held or not.
    pub(super) fn drop_lock(&mut self) {
        let id = self.lock_id();
        let time_ms = self.context.time_ms;
        let Some(exec) = self.run.exec(id).filter(|exec| exec.status == Status::Ready) else {
            return;
        };
        self.effects.unwanted.push((id, self.run.unwanted(id, exec)));
        if let Some(lock) = self.run.lock.as_mut() {
            lock.exec.settle(Status::Succeeded, Payload::default(), time_ms);
            lock.token = None;
            lock.waiting.clear();
        }
    }
}
