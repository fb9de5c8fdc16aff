//! Results: names, units, values with their spread, and how far each is from its floor.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// How a load came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// A run waits for an earlier one.
    Closed,
    /// Runs come at a rate, whatever becomes of them.
    Open,
}

/// A value beside a floor that was measured around it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    pub name: &'static str,
    pub value: f64,
    /// The row's value divided by the floor's.
    pub times: f64,
}

/// One result, as `bench --json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub value: f64,
    pub p50: f64,
    pub p99: f64,
    pub runs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<Against>,
    /// What the value is made of, or was measured with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// The floors that it is to be seen beside.
    #[serde(skip)]
    pub beside: Vec<&'static str>,
}

impl Row {
    /// A figure without a spread.
    pub fn figure(name: impl Into<String>, unit: &'static str, value: f64, runs: u64) -> Self {
        Self {
            name: name.into(),
            unit,
            value,
            p50: value,
            p99: value,
            runs,
            p999: None,
            load: None,
            floors: Vec::new(),
            parts: BTreeMap::new(),
            beside: Vec::new(),
        }
    }

    /// Times; `value` is the median, each divided by `per` (the steps of a run).
    pub fn times(name: impl Into<String>, times: &Times, per: f64) -> Self {
        let mut row = Self::figure(name, "ms", times.ms(0.5) / per, times.count());
        row.p99 = times.ms(0.99) / per;
        row.p999 = Some(times.ms(0.999) / per);
        row
    }

    /// A rate; p50 and p99 are of single runs, in milliseconds.
    pub fn rate(name: impl Into<String>, unit: &'static str, per_second: f64, times: &Times) -> Self {
        Self {
            unit,
            value: per_second,
            ..Self::times(name, times, 1.0)
        }
    }

    pub fn load(mut self, load: Load) -> Self {
        self.load = Some(load);
        self
    }

    pub fn beside(mut self, floor: &'static str) -> Self {
        self.beside.push(floor);
        self
    }

    pub fn part(mut self, name: impl Into<String>, value: f64) -> Self {
        self.parts.insert(name.into(), value);
        self
    }
}

/// Durations to a microsecond and three digits.
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        // One to five digits are allowed, so that making it cannot fail.
        let mut made = match Histogram::new(3) {
            Ok(made) => made,
            Err(_) => std::process::abort(),
        };
        made.auto(true);
        Self(made)
    }
}

impl Times {
    pub fn add(&mut self, took: Duration) {
        // It grows by itself: nothing is refused.
        let _ = self.0.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub fn merge(&mut self, other: &Self) {
        let _ = self.0.add(&other.0);
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// A quantile, in milliseconds.
    pub fn ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_times_is_a_median_for_each_step() {
        let mut times = Times::default();
        for ms in 1..=100 {
            times.add(Duration::from_millis(ms * 40));
        }
        let row = Row::times("chain_40", &times, 40.0);
        assert!((row.value - 50.0).abs() < 0.5, "{}", row.value);
        assert!((row.p99 - 99.0).abs() < 0.5, "{}", row.p99);
        assert_eq!(row.runs, 100);
    }

    #[test]
    fn keys_that_say_nothing_are_left_out() {
        let row = Row::figure("submit", "runs/s", 2.0, 1);
        let said = serde_json::to_value(&row).unwrap();
        let keys: Vec<&String> = said.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "unit", "value", "p50", "p99", "runs"]);
        let said = serde_json::to_value(row.load(Load::Open).part("a", 1.0)).unwrap();
        assert_eq!(said.get("loop").unwrap(), "open");
        assert_eq!(said.get("parts").unwrap().get("a").unwrap(), 1.0);
    }
}
