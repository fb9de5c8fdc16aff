//! Ready executions of one capability: whose is given out next.
//!
//! The conductor's window is shared by what each tenant, and each of its workflows, has in it for its weight: whoever has
//! least is next. Taking turns would not do. The slots that a weight of three takes have to be given out three times as
//! fast, and a window that fills up with the others' executions would hold it to their pace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use symphony_protocol::Weight;

use super::ExecId;

/// Tenants, or workflows of one, that are compared at once, in rotation: a turn must not cost more as there are more.
const COMPARED_MAX: usize = 64;
const WEIGHT_MIN: f64 = 0.001;

/// The order within a line: priority, then the longest rest of a run, then age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    pub priority: std::cmp::Reverse<u8>,
    pub rest_us: std::cmp::Reverse<u64>,
    pub serial: u64,
    pub id: ExecId,
    pub generation: u32,
    pub r#try: u32,
}

/// Whose line: a workflow of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claimant {
    pub tenant: Arc<str>,
    pub workflow: Arc<str>,
}

/// The weights of tenants, and of workflows by tenant; 1 where none is stated.
#[derive(Debug, Default)]
pub struct Weights {
    tenants: BTreeMap<String, f64>,
    workflows: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Weights {
    pub fn new(stated: &[Weight]) -> Self {
        let mut made = Self::default();
        for one in stated {
            let weight = if one.weight.is_finite() {
                one.weight.max(WEIGHT_MIN)
            } else {
                1.0
            };
            match &one.workflow {
                None => made.tenants.insert(one.tenant.clone(), weight),
                Some(workflow) => {
                    let of_tenant = made.workflows.entry(one.tenant.clone()).or_default();
                    of_tenant.insert(workflow.clone(), weight)
                }
            };
        }
        made
    }
}

/// Executions that wait, those of a workflow in a line of their own.
#[derive(Debug, Default)]
struct Tenant {
    lines: BTreeMap<Arc<str>, BTreeSet<Rank>>,
    /// Whose turn was last.
    turn: Option<Arc<str>>,
}

#[derive(Debug, Default)]
pub struct Queue {
    tenants: BTreeMap<Arc<str>, Tenant>,
    turn: Option<Arc<str>>,
    waiting: u64,
    /// What was given out and has not ended: of all, of each tenant, and of each of its workflows.
    outstanding: u64,
    of_tenants: HashMap<Arc<str>, u64>,
    of_claimants: HashMap<Claimant, u64>,
    /// Of a lane: how many are given out; of a function the conductor says it.
    pub window: Option<u64>,
}

impl Queue {
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }

    pub fn push(&mut self, tenant: &Arc<str>, workflow: &str, rank: Rank) {
        let of_tenant = self.tenants.entry(tenant.clone()).or_default();
        if let Some(line) = of_tenant.lines.get_mut(workflow) {
            line.insert(rank);
        } else {
            of_tenant
                .lines
                .insert(Arc::from(workflow), BTreeSet::from([rank]));
        }
        self.waiting += 1;
    }

    /// The most urgent execution of whoever has least of the window for its weight.
    pub fn pop(&mut self, weights: &Weights) -> Option<(Claimant, Rank)> {
        let tenant = next(&self.tenants, self.turn.as_ref(), |name| {
            let weight = weights.tenants.get(name.as_ref());
            part(self.of_tenants.get(name), weight)
        })?;
        let of_tenant = self.tenants.get_mut(&tenant)?;
        let stated = weights.workflows.get(tenant.as_ref());
        let workflow = next(&of_tenant.lines, of_tenant.turn.as_ref(), |name| {
            let claimant = Claimant {
                tenant: tenant.clone(),
                workflow: name.clone(),
            };
            let weight = stated.and_then(|stated| stated.get(name.as_ref()));
            part(self.of_claimants.get(&claimant), weight)
        })?;
        let line = of_tenant.lines.get_mut(&workflow)?;
        let rank = line.pop_first()?;
        if line.is_empty() {
            of_tenant.lines.remove(&workflow);
        }
        of_tenant.turn = Some(workflow.clone());
        if of_tenant.lines.is_empty() {
            self.tenants.remove(&tenant);
        }
        self.turn = Some(tenant.clone());
        self.waiting = self.waiting.saturating_sub(1);
        Some((Claimant { tenant, workflow }, rank))
    }

    /// What was taken out is given out.
    pub fn give(&mut self, claimant: &Claimant) {
        self.outstanding += 1;
        *self.of_tenants.entry(claimant.tenant.clone()).or_default() += 1;
        *self.of_claimants.entry(claimant.clone()).or_default() += 1;
    }

    /// What was given out has ended.
    pub fn close(&mut self, claimant: &Claimant) {
        self.outstanding = self.outstanding.saturating_sub(1);
        less(&mut self.of_tenants, &claimant.tenant);
        less(&mut self.of_claimants, claimant);
    }
}

/// Of those that wait, who has the smallest part; among equals the one after whoever had the last turn.
fn next<V>(
    waiting: &BTreeMap<Arc<str>, V>,
    turn: Option<&Arc<str>>,
    part: impl Fn(&Arc<str>) -> f64,
) -> Option<Arc<str>> {
    if waiting.len() <= 1 {
        return waiting.keys().next().cloned();
    }
    let Some(turn) = turn else {
        return waiting.keys().next().cloned();
    };
    let after = waiting.range::<Arc<str>, _>((Excluded(turn), Unbounded));
    let before = waiting.range::<Arc<str>, _>(..=turn);
    let names = after.chain(before).map(|(name, _)| name);
    let parts = names.take(COMPARED_MAX).map(|name| (part(name), name));
    let least = parts.min_by(|one, other| one.0.total_cmp(&other.0));
    least.map(|(_, name)| name.clone())
}

fn part(outstanding: Option<&u64>, weight: Option<&f64>) -> f64 {
    // With the next one counted in, so that of two that have nothing the one of more weight is first.
    (outstanding.copied().unwrap_or(0) as f64 + 1.0) / weight.copied().unwrap_or(1.0)
}

fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u64>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(serial: u64) -> Rank {
        Rank {
            priority: std::cmp::Reverse(5),
            rest_us: std::cmp::Reverse(0),
            serial,
            id: ExecId {
                run: 1,
                frame: 0,
                node: 0,
                item: 0,
            },
            generation: 0,
            r#try: 1,
        }
    }

    fn queue(claimants: &[(&str, &str)], each: u64) -> Queue {
        let mut queue = Queue::default();
        for (place, (tenant, workflow)) in claimants.iter().enumerate() {
            for n in 0..each {
                queue.push(&Arc::from(*tenant), workflow, rank(place as u64 * each + n));
            }
        }
        queue
    }

    fn weight(tenant: &str, workflow: Option<&str>, weight: f64) -> Weight {
        Weight {
            tenant: tenant.to_owned(),
            workflow: workflow.map(str::to_owned),
            weight,
        }
    }

    /// What a window of so many holds, by claimant, when it is full.
    fn fill(queue: &mut Queue, weights: &Weights, window: u64) -> BTreeMap<String, u64> {
        let mut held = BTreeMap::new();
        while queue.outstanding() < window
            && let Some((claimant, _)) = queue.pop(weights)
        {
            queue.give(&claimant);
            *held
                .entry(format!("{}/{}", claimant.tenant, claimant.workflow))
                .or_default() += 1;
        }
        held
    }

    fn named(held: &[(&str, u64)]) -> BTreeMap<String, u64> {
        held.iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_window_is_shared_by_weight_among_tenants_and_then_their_workflows() {
        let mut queue = queue(&[("a", "x"), ("a", "y"), ("b", "x")], 1000);
        let weights = Weights::new(&[weight("b", None, 2.0), weight("a", Some("y"), 3.0)]);
        let held = fill(&mut queue, &weights, 120);
        assert_eq!(held, named(&[("a/x", 10), ("a/y", 30), ("b/x", 80)]));
    }

    #[test]
    fn one_that_comes_late_gets_its_part_as_the_others_end() {
        let mut queue = queue(&[("a", "first")], 1000);
        let weights = Weights::default();
        fill(&mut queue, &weights, 100);
        let late = Arc::from("a");
        (0..1000).for_each(|n| queue.push(&late, "late", rank(5000 + n)));
        let first = Claimant {
            tenant: late,
            workflow: Arc::from("first"),
        };
        (0..50).for_each(|_| queue.close(&first));
        assert_eq!(fill(&mut queue, &weights, 100), named(&[("a/late", 50)]));
    }

    #[test]
    fn a_window_is_full_while_anybody_waits() {
        let mut queue = queue(&[("a", "x"), ("b", "x")], 10);
        let held = fill(&mut queue, &Weights::new(&[weight("a", None, 1000.0)]), 100);
        assert_eq!(held, named(&[("a/x", 10), ("b/x", 10)]));
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn more_claimants_than_are_compared_take_turns() {
        let names: Vec<String> = (0..200).map(|n| format!("t{n:03}")).collect();
        let claimants: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "w")).collect();
        let mut queue = queue(&claimants, 3);
        let held = fill(&mut queue, &Weights::default(), 200);
        assert_eq!(held.len(), 200, "each has one before any has two");
    }

    #[test]
    fn what_has_ended_is_remembered_no_more() {
        let mut queue = queue(&[("a", "x")], 1);
        let (claimant, _) = queue.pop(&Weights::default()).unwrap();
        queue.give(&claimant);
        queue.close(&claimant);
        assert!(queue.tenants.is_empty() && queue.of_tenants.is_empty() && queue.of_claimants.is_empty());
    }
}
