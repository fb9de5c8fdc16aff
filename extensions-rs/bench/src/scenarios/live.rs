//! What runs that wait cost those that do not, and the memory of each; and the memory of a system at rest.

use symphony_sdk::Error;

use super::Session;
use super::latency::{CHAIN_STEPS, latency};
use crate::documents;
use crate::floors::PUBLISH;
use crate::processes::{Parts, growth};
use crate::report::{Load, Row};

/// Runs that wait while a chain is measured.
const LIVE: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// Below, what they take drowns in what the processes' memory moves by anyhow.
const TOLD_FROM: usize = 10_000;
/// Submitted together: what one message takes.
const TOGETHER: usize = 1_000;
const MIB: f64 = (1 << 20) as f64;

/// The memory of every process, with nothing under way.
pub fn rest(session: &Session<'_>) -> Vec<Row> {
    let resident = session.options.processes.resident();
    if resident.is_empty() {
        return Vec::new();
    }
    let mut row = Row::figure("memory_rest", "MiB", resident.values().sum::<f64>() / MIB, 1);
    for (part, bytes) in resident {
        row = row.part(part, bytes / MIB);
    }
    vec![row]
}

/// A chain beside more and more runs that wait.
pub async fn live(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let chain = documents::chain(CHAIN_STEPS, false);
    let mut waiting = session.client(&documents::waits()).await?;
    let processes = &session.options.processes;
    latency(session, &chain, session.options.runs).await?; // what only the first runs cost is no growth
    let before = processes.resident();
    let mut rows = Vec::new();
    for count in LIVE {
        while waiting.under_way() < count {
            let more = (count - waiting.under_way()).min(TOGETHER);
            waiting.begin(&session.options.tenant, more).await?;
            waiting.acknowledged().await?;
        }
        // A run that is submitted later ends after all these have been folded: the log has an order.
        let times = latency(session, &chain, session.options.runs).await?;
        rows.push(
            Row::times(format!("live_{count}"), &times, CHAIN_STEPS as f64)
                .load(Load::Closed)
                .beside(PUBLISH),
        );
        if count >= TOLD_FROM {
            rows.extend(memory(count, &growth(&before, &processes.resident())));
        }
    }
    Ok(rows)
}

fn memory(count: usize, grown: &Parts) -> Option<Row> {
    if grown.is_empty() {
        return None;
    }
    let each = |bytes: f64| bytes / count as f64;
    let runs = u64::try_from(count).unwrap_or_default();
    let whole = each(grown.values().sum());
    let mut row = Row::figure(format!("live_bytes_{count}"), "B/run", whole, runs);
    for (part, bytes) in grown {
        row = row.part(part.clone(), each(*bytes));
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_run_is_told_by_process() {
        let grown = Parts::from([
            ("pit".to_owned(), 20_000_000.0),
            ("broker".to_owned(), 4_000_000.0),
        ]);
        let row = memory(10_000, &grown).unwrap();
        assert!((row.value - 2400.0).abs() < 1e-6);
        assert!((row.parts["pit"] - 2000.0).abs() < 1e-6);
        assert!(memory(10_000, &Parts::new()).is_none());
    }
}
