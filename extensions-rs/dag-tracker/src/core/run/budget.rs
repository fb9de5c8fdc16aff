//! Budgets: calls, the time that functions took, and what that costs by what their workers declare.

use symphony_workflow::Budget;

use super::*;

/// What was spent: calls begun, and the time and the cost of those that answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    pub calls: u64,
    pub time_us: u64,
    /// Millionths of whatever the costs are in.
    #[serde(default)]
    pub money: u64,
}

/// Money in whole millionths, so that adding up gives the same in every order.
pub(super) fn millionths(money: f64) -> u64 {
    (money.max(0.0) * 1e6).round() as u64
}

impl Spent {
    /// The first word of a budget that allows no further call.
    fn exhausts(&self, budget: &Budget) -> Option<String> {
        if let Some(calls) = budget.calls.filter(|calls| self.calls >= *calls) {
            return Some(format!("its budget of {calls} calls is spent"));
        }
        if let Some(money) = budget.money.filter(|money| self.money >= millionths(*money)) {
            return Some(format!("its budget of {money} is spent"));
        }
        let time_ms = budget.time_ms.filter(|ms| self.time_us / 1000 >= *ms)?;
        Some(format!("its budget of {time_ms} ms of function time is spent"))
    }

    fn add(&mut self, more: Self) {
        self.calls = self.calls.saturating_add(more.calls);
        self.time_us = self.time_us.saturating_add(more.time_us);
        self.money = self.money.saturating_add(more.money);
    }
}

impl Walk<'_> {
    /// The document's budget of the run; of money the smaller of that and the submission's.
    fn own_budget(&self) -> Option<Budget> {
        let said = self.run.plan.as_ref().and_then(|plan| plan.budget);
        let Some(money) = self.run.budget_money else {
            return said;
        };
        let said = said.unwrap_or_default();
        let money = said.money.map_or(money, |own| own.min(money));
        Some(Budget {
            money: Some(money),
            ..said
        })
    }

    /// Why a further call may not begin; true where that ends the run.
    fn exhausted(&self, id: ExecId) -> Result<(), (ErrorValue, bool)> {
        let refused = |what: String, run: bool| Err((error("budget", what), run));
        if let Some(what) = self
            .own_budget()
            .and_then(|budget| self.run.spent.exhausts(&budget))
        {
            return refused(format!("the run: {what}"), true);
        }
        let budget = self.run.spec(id).and_then(|node| node.budget);
        if let (Some(budget), Some(exec)) = (budget, self.run.exec(id)) {
            let spent = exec.rare.as_ref().map(|rare| rare.spent).unwrap_or_default();
            if let Some(what) = spent.exhausts(&budget) {
                return refused(format!("the task: {what}"), false);
            }
        }
        Ok(())
    }

    fn count(&mut self, id: ExecId, spent: Spent) {
        self.run.spent.add(spent);
        let budgeted = self.run.spec(id).is_some_and(|spec| spec.budget.is_some());
        if let (true, Some(exec)) = (budgeted, self.run.exec_mut(id)) {
            exec.rare().spent.add(spent);
        }
    }

    /// Count a call, here and for the runs around this one. The reason why it may not begin; true where that ends the run.
    pub(super) fn spend(&mut self, id: ExecId) -> Result<(), (ErrorValue, bool)> {
        self.exhausted(id)?;
        let spent = Spent {
            calls: 1,
            ..Spent::default()
        };
        self.count(id, spent);
        self.tell_spent(spent);
        Ok(())
    }

    /// An attempt answered after so long.
    pub(crate) fn took(&mut self, id: ExecId, run_us: u64, version: Option<String>) {
        let cost = self
            .run
            .called(id)
            .map_or(0, |called| self.context.cost(called.function, version.as_deref()));
        let money = u128::from(run_us) * u128::from(cost) / 1_000_000;
        let spent = Spent {
            calls: 0,
            time_us: run_us,
            money: u64::try_from(money).unwrap_or(u64::MAX),
        };
        self.count(id, spent);
        self.tell_spent(spent);
        self.answered_by = version;
    }

    fn tell_spent(&mut self, spent: Spent) {
        if self.run.parent.is_some() {
            self.context.across.push_back(Across::Spend(self.run.key, spent));
        }
    }

    /// A child of an execution, or a run inside that, has spent. The call that is one too many ends the run here, or the task,
    /// and the child with it; nothing of it was given out yet.
    pub(crate) fn charge(&mut self, id: ExecId, spent: Spent) {
        if spent.calls > 0 {
            match self.exhausted(id) {
                Ok(()) => {}
                Err((problem, false)) => return self.fail(id, problem),
                Err((problem, true)) => return self.fail_run(id, problem),
            }
        }
        self.count(id, spent);
    }
}
