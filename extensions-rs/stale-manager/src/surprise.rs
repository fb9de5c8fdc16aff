//! How surprising the logged choices about each run were, summed up as they come.

use std::collections::HashMap;

use rusqlite::params;
use symphony_protocol::{Decision, DecisionBatch};
use symphony_sdk::Error;

use crate::catalogue::{Catalogue, signed};
use crate::core::worth::bits;
use crate::disk;

/// Decisions and bits by run. A choice among fewer than two is none.
pub fn of(batches: &[(u64, DecisionBatch)]) -> HashMap<String, (u64, f64)> {
    let mut sums: HashMap<String, (u64, f64)> = HashMap::new();
    for decision in batches.iter().flat_map(|(_, batch)| &batch.decisions) {
        let Some(run) = decision.run.clone().filter(|_| decision.candidates.len() > 1) else {
            continue;
        };
        let sum = sums.entry(run).or_default();
        sum.0 += 1;
        sum.1 += bits(propensity(decision));
    }
    sums
}

/// With what probability the policy chose what it chose.
pub fn propensity(decision: &Decision) -> f64 {
    let chosen = usize::try_from(decision.chosen).unwrap_or(usize::MAX);
    decision
        .candidates
        .get(chosen)
        .map_or(1.0, |candidate| candidate.probability)
}

impl Catalogue {
    /// Add to the surprise of runs, and note how far the decisions were followed: both or neither.
    pub fn add_surprise(
        &mut self,
        of: &HashMap<String, (u64, f64)>,
        position: u64,
        now_ms: u64,
    ) -> Result<(), Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        for (run, (decisions, bits)) in of {
            transaction
                .prepare_cached(
                    "INSERT INTO surprise VALUES (?1, ?2, ?3, ?4) ON CONFLICT (run) DO UPDATE SET
                     decisions = decisions + ?2, bits = bits + ?3, last_ms = ?4",
                )
                .and_then(|mut statement| {
                    statement.execute(params![run, signed(*decisions), bits, signed(now_ms)])
                })
                .map_err(disk)?;
        }
        let set = "INSERT OR REPLACE INTO numbers VALUES ('decisions', ?1)";
        transaction.execute(set, [signed(position)]).map_err(disk)?;
        transaction.commit().map_err(disk)
    }

    /// Forget surprise of runs that never came to the archive, artifacts that went long ago, and what was spared until a
    /// moment that has passed.
    pub fn tidy(&mut self, before_ms: u64, now_ms: u64) -> Result<(), Error> {
        let strangers = "DELETE FROM surprise WHERE last_ms < ?1 AND run NOT IN (SELECT run FROM runs)";
        self.connection
            .execute(strangers, [signed(before_ms)])
            .map_err(disk)?;
        let long = "DELETE FROM condemned WHERE since_ms < ?1";
        self.connection.execute(long, [signed(before_ms)]).map_err(disk)?;
        let past = "DELETE FROM spared WHERE until_ms < ?1";
        self.connection.execute(past, [signed(now_ms)]).map_err(disk)?;
        Ok(())
    }
}
