//! The pure cores in this process, without a broker: what one decision costs.

mod arbitration;
mod artifacts;
mod fold;
mod pools;

use std::path::Path;
use std::time::Instant;

use symphony_sdk::Error;

use crate::floors::DISK;
use crate::probes;
use crate::report::Row;

/// Every core, and the disk's floor for the one that writes.
pub fn run(folder: &Path) -> Result<Vec<Row>, Error> {
    let floor = probes::disk(DISK, folder, probes::BLOCK_BYTES, 200)?;
    let mut rows = vec![pools::allocation()];
    rows.push(fold::result()?);
    rows.extend(arbitration::decisions());
    rows.extend(artifacts::put_and_get(folder)?);
    crate::floors::attach(&mut rows, &[floor], &[]);
    Ok(rows)
}

/// Seconds of each round, as a row in `unit` with `scale` units a second: every round does `each` of the thing.
fn spread(name: &str, unit: &'static str, scale: f64, each: usize, mut rounds: Vec<f64>) -> Row {
    rounds.sort_by(f64::total_cmp);
    let at = |quantile: f64| {
        let place = (quantile * (rounds.len().saturating_sub(1)) as f64).round() as usize;
        rounds.get(place).copied().unwrap_or_default() * scale / each.max(1) as f64
    };
    let runs = u64::try_from(rounds.len() * each).unwrap_or(u64::MAX);
    let mut row = Row::figure(name, unit, at(0.5), runs);
    row.p99 = at(0.99);
    row
}

/// The seconds that something takes.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let began = Instant::now();
    let made = work();
    (began.elapsed().as_secs_f64(), made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_has_a_figure() {
        let folder = tempfile::tempdir().unwrap();
        let rows = run(folder.path()).unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let expected = [
            "core_pool_lease",
            "core_fold_result",
            "core_arbitration_1000",
            "core_arbitration_1000_explained",
            "core_artifact_put_1kib",
            "core_artifact_get_1kib",
            "core_artifact_put_many",
        ];
        assert_eq!(names, expected);
        assert!(rows.iter().all(|row| row.value > 0.0));
    }

    #[test]
    fn a_spread_is_by_the_thing_and_not_by_the_round() {
        let row = spread("x", "us", 1e6, 10, vec![3e-4, 1e-4, 2e-4]);
        assert!((row.value - 20.0).abs() < 1e-9);
        assert!((row.p99 - 30.0).abs() < 1e-9);
        assert_eq!(row.runs, 30);
    }
}
