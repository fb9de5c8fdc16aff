//! Budgets that the fold can keep by itself: calls, and the time that functions took. Money is Arbitration's.

use symphony_workflow::Budget;

use super::*;

/// What was spent: calls begun, and the time of those that answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    pub calls: u64,
    pub time_us: u64,
}

impl Spent {
    /// The first word of a budget that allows no further call.
    fn exhausts(&self, budget: &Budget) -> Option<String> {
        if let Some(calls) = budget.calls.filter(|calls| self.calls >= *calls) {
            return Some(format!("its budget of {calls} calls is spent"));
        }
        let time_ms = budget.time_ms.filter(|ms| self.time_us / 1000 >= *ms)?;
        Some(format!("its budget of {time_ms} ms of function time is spent"))
    }
}

impl Walk<'_> {
    /// Count a call. The reason why it may not begin; true where that ends the run.
    pub(super) fn spend(&mut self, id: ExecId, node: &Node) -> Result<(), (ErrorValue, bool)> {
        let refused = |what: String, run: bool| Err((error("budget", what), run));
        let own = self.run.plan.as_ref().and_then(|plan| plan.budget);
        if let Some(what) = own.as_ref().and_then(|budget| self.run.spent.exhausts(budget)) {
            return refused(format!("the run: {what}"), true);
        }
        if let (Some(budget), Some(exec)) = (&node.budget, self.run.exec(id)) {
            let spent = exec.rare.as_ref().map(|rare| rare.spent).unwrap_or_default();
            if let Some(what) = spent.exhausts(budget) {
                return refused(format!("the task: {what}"), false);
            }
        }
        self.run.spent.calls += 1;
        if let (true, Some(exec)) = (node.budget.is_some(), self.run.exec_mut(id)) {
            exec.rare().spent.calls += 1;
        }
        Ok(())
    }

    /// An attempt answered after so long.
    pub(crate) fn took(&mut self, id: ExecId, run_us: u64) {
        self.run.spent.time_us = self.run.spent.time_us.saturating_add(run_us);
        let budgeted = self.run.spec(id).is_some_and(|spec| spec.budget.is_some());
        if let (true, Some(exec)) = (budgeted, self.run.exec_mut(id)) {
            let spent = &mut exec.rare().spent;
            spent.time_us = spent.time_us.saturating_add(run_us);
        }
    }
}
