//! Results: names, units, and values with their spread.

use hdrhistogram::Histogram;
use serde::Serialize;

/// One result, as `bench --json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub value: f64,
    pub p50: f64,
    pub p99: f64,
    pub runs: u64,
}

/// Times in microseconds, to three digits (one to five are allowed, so that making it cannot fail).
pub fn times() -> Histogram<u64> {
    let mut made = match Histogram::new(3) {
        Ok(made) => made,
        Err(_) => std::process::abort(),
    };
    made.auto(true);
    made
}

/// A row of times: `value` is the median, divided by `per` (steps of a run).
pub fn row(name: impl Into<String>, times: &Histogram<u64>, per: f64) -> Row {
    let ms = |us: u64| us as f64 / 1000.0 / per;
    Row {
        name: name.into(),
        unit: "ms",
        value: ms(times.value_at_quantile(0.5)),
        p50: ms(times.value_at_quantile(0.5)),
        p99: ms(times.value_at_quantile(0.99)),
        runs: times.len(),
    }
}

/// A row of a rate; the times are those of single runs, in milliseconds.
pub fn rate(name: impl Into<String>, unit: &'static str, per_second: f64, times: &Histogram<u64>) -> Row {
    let ms = |us: u64| us as f64 / 1000.0;
    Row {
        name: name.into(),
        unit,
        value: per_second,
        p50: ms(times.value_at_quantile(0.5)),
        p99: ms(times.value_at_quantile(0.99)),
        runs: times.len(),
    }
}
