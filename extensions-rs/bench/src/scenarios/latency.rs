//! One run at a time, from its submission to its end.

use serde_json::Value as Json;
use symphony_sdk::Error;

use super::Session;
use crate::documents;
use crate::floors::PUBLISH;
use crate::processes::growth;
use crate::report::{Load, Row, Times};

pub const CHAIN_STEPS: usize = 40;
const FANOUT_ITEMS: usize = 100;
const MAP_ITEMS: usize = 10_000;
/// A map of ten thousand takes as long as many chains.
const MAP_RUNS_MAX: usize = 8;
/// Runs before those that count: connections, caches and the shares of leases settle.
const WARMING_RUNS: usize = 3;

/// A chain, by the step; and what a step costs each process while nothing else is going on.
pub async fn chain(session: &Session<'_>, pure: bool) -> Result<Vec<Row>, Error> {
    let document = documents::chain(CHAIN_STEPS, pure);
    let name = if pure { "chain_40_pure" } else { "chain_40" };
    let before = session.options.processes.seconds();
    let times = latency(session, &document, session.options.runs).await?;
    let spent = growth(&before, &session.options.processes.seconds());
    let mut rows = vec![
        Row::times(name, &times, CHAIN_STEPS as f64)
            .load(Load::Closed)
            .beside(PUBLISH),
    ];
    let steps = (times.count() + WARMING_RUNS as u64) as f64 * CHAIN_STEPS as f64;
    if !session.options.processes.is_empty() {
        rows.push(processor(format!("cpu_{name}"), spent, steps));
    }
    Ok(rows)
}

pub async fn fanout(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let times = latency(session, &documents::fanout(FANOUT_ITEMS), session.options.runs).await?;
    Ok(vec![
        Row::times("fanout_100", &times, 1.0)
            .load(Load::Closed)
            .beside(PUBLISH),
    ])
}

pub async fn map(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let runs = session.options.runs.min(MAP_RUNS_MAX);
    let times = latency(session, &documents::map(MAP_ITEMS), runs).await?;
    Ok(vec![
        Row::times("map_10000", &times, 1.0)
            .load(Load::Closed)
            .beside(PUBLISH),
    ])
}

/// How long runs take one at a time.
pub async fn latency(session: &Session<'_>, document: &Json, runs: usize) -> Result<Times, Error> {
    let mut client = session.client(document).await?;
    let mut times = Times::default();
    for round in 0..runs + WARMING_RUNS {
        client.begin(&session.options.tenant, 1).await?;
        let ended = client.next_end().await?;
        if round >= WARMING_RUNS {
            times.add(ended.took);
        }
    }
    client.acknowledged().await?;
    Ok(times)
}

/// The time of processors for each step, by process; the load generator is none of the system's.
pub fn processor(name: String, spent: crate::processes::Parts, steps: f64) -> Row {
    let each = |seconds: f64| seconds * 1e6 / steps.max(1.0);
    let whole = spent.values().sum();
    let mut row = Row::figure(name, "us/step", each(whole), steps as u64);
    for (part, seconds) in spent {
        row = row.part(part, each(seconds));
    }
    row
}
