//! What runs bring about in other runs of the partition: children begin, end, and are cancelled with their parents.

use super::control::halt;
use super::*;
use crate::core::run::{Birth, Spent};
use crate::core::state::Exec;

impl Fold {
    /// Carry out what runs brought about in others, until nothing is left. Runs inside runs are bounded in depth, and what
    /// each begins by the items of its maps; so this ends.
    pub(super) fn carry(&mut self, effects: &mut Effects) {
        while let Some(across) = self.context.across.pop_front() {
            match across {
                Across::Begin(birth) => self.begin_child(*birth, effects),
                Across::Cancel(key) => self.cancel_child(key, effects),
                Across::Settle(key) => self.settle_parent(key, effects),
                Across::Pause(key, paused) => self.pause_child(key, paused, effects),
                Across::Spend(key, spent) => self.charge_parents(key, spent, effects),
            }
            self.close(effects);
        }
    }

    fn begin_child(&mut self, birth: Birth, effects: &mut Effects) {
        let Some(key) = run_key(&birth.run) else { return };
        // Its parent may have been cancelled since, in the same event.
        let wants = |exec: &Exec| {
            exec.status == Status::Open
                && exec.generation == birth.parent.generation
                && exec.r#try == birth.parent.r#try
        };
        let parent = self.runs.get(&birth.parent.id.run);
        let wanted = parent.is_some_and(|run| run.goes_on() && run.exec(birth.parent.id).is_some_and(wants));
        let (Some(plan), false, true) = (birth.found.plan.clone(), self.runs.contains_key(&key), wanted)
        else {
            return;
        };
        let submit = Submit {
            run: birth.run,
            workflow: plan.name.clone(),
            document: birth.found.document.clone(),
            inputs: birth.inputs.clone(),
            priority: Some(birth.priority),
            trace: birth.trace,
            watch: birth.watch,
            ..Default::default()
        };
        let by = format!("run {}", birth.parent.run);
        let mut run = new_run(key, &birth.tenant, &by, submit, &mut self.context);
        run.tenant = birth.tenant;
        run.inputs = birth.inputs;
        run.deadline_at_ms = birth.deadline_at_ms;
        run.parent = Some(Box::new(birth.parent));
        run.depth = birth.depth;
        run.paused = parent.is_some_and(|parent| parent.paused);
        self.live += 1;
        effects.started.push(key);
        guarded(&mut run, &mut self.context, effects, |run, context, effects| {
            begin_run(run, plan, context, effects);
        });
        self.runs.insert(key, run);
    }

    fn cancel_child(&mut self, key: u128, effects: &mut Effects) {
        let Some(run) = self.runs.get_mut(&key).filter(|run| run.goes_on()) else {
            return;
        };
        let problem = error("cancelled", "the task that began this run is over");
        guarded(run, &mut self.context, effects, |run, context, effects| {
            let mut walk = Walk::new(run, context, effects);
            if !walk.run.closes() {
                walk.close_run(walk.compensates(), RunStatus::Cancelled, Some(problem), "parent");
            }
        });
    }

    fn pause_child(&mut self, key: u128, paused: bool, effects: &mut Effects) {
        let Some(run) = self.runs.get_mut(&key).filter(|run| run.goes_on()) else {
            return;
        };
        if run.paused == paused {
            return; // somebody has asked it before
        }
        let by = run.parent.as_ref().map(|parent| format!("run {}", parent.run));
        run.note(Entry {
            sequence: self.context.sequence,
            at_ms: self.context.time_ms,
            event: if paused { "pause" } else { "resume" }.into(),
            task: None,
            attempt: 0,
            accepted: true,
            by: by.unwrap_or_default(),
            detail: String::new(),
        });
        halt(run, paused, &mut self.context, effects);
    }

    /// What a run spends counts for the runs around it, and for their tasks that it is of.
    fn charge_parents(&mut self, key: u128, spent: Spent, effects: &mut Effects) {
        let mut child = key;
        // As deep as runs may be inside runs.
        while let Some(parent) = self.runs.get(&child).and_then(|run| run.parent.clone()) {
            let id = parent.id;
            let is_mine = |exec: &Exec| exec.rare.as_ref().is_some_and(|rare| rare.child == Some(child));
            let run = self.runs.get_mut(&id.run).filter(|run| run.goes_on());
            let Some(run) = run.filter(|run| run.exec(id).is_some_and(is_mine)) else {
                return;
            };
            guarded(run, &mut self.context, effects, |run, context, effects| {
                let mut walk = Walk::new(run, context, effects);
                walk.charge(id, spent);
                walk.finish();
            });
            child = id.run;
        }
    }

    fn settle_parent(&mut self, key: u128, effects: &mut Effects) {
        // Taken out for a moment: parent and child are both of this partition.
        let Some(child) = self.runs.remove(&key) else {
            return;
        };
        if let Some(parent) = &child.parent {
            let id = parent.id;
            let waits = |exec: &Exec| {
                exec.status == Status::Open
                    && exec.generation == parent.generation
                    && exec.r#try == parent.r#try
                    && exec.rare.as_ref().is_some_and(|rare| rare.child == Some(key))
            };
            let run = self.runs.get_mut(&id.run).filter(|run| run.goes_on());
            if let Some(run) = run.filter(|run| run.exec(id).is_some_and(waits)) {
                guarded(run, &mut self.context, effects, |run, context, effects| {
                    let mut walk = Walk::new(run, context, effects);
                    walk.child_ended(id, &child);
                    walk.finish();
                });
            }
        }
        self.runs.insert(key, child);
    }
}
