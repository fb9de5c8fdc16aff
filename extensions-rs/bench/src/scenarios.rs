//! The scenarios, each as an ordinary client of the system would make them.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use symphony_sdk::{Bus, Error, ErrorKind};
use symphony_workflow::pack;

use crate::clients::Client;
use crate::floors;
use crate::report::{Row, rate, row, times};

pub const NAMES: &[&str] = &["chain", "fanout", "throughput", "submit", "overhead", "floors"];
const CHAIN_STEPS: usize = 40;
const FANOUT_ITEMS: usize = 100;
/// Tasks of each slot in the overhead: enough that the beginning and the end of the run do not count.
const PER_SLOT: usize = 500;

#[derive(Clone, Debug)]
pub struct Options {
    pub scenarios: Vec<String>,
    pub partitions: u32,
    pub tenant: String,
    /// How long each rate is measured.
    pub window: Duration,
    /// Runs of each latency.
    pub runs: usize,
    /// Slots of the workers that serve `test.*`, for the overhead.
    pub slots: usize,
}

/// A chain of no-op steps.
fn chain(steps: usize) -> Json {
    let mut tasks = serde_json::Map::new();
    for step in 0..steps {
        let after: Vec<String> = step
            .checked_sub(1)
            .map(|before| format!("s{before}"))
            .into_iter()
            .collect();
        let task = json!({"call": "test.noop", "after": after});
        tasks.insert(format!("s{step}"), task);
    }
    json!({"workflow": "bench-chain", "version": "1.0.0", "tasks": tasks})
}

fn fanout(items: usize) -> Json {
    json!({"workflow": "bench-fanout", "version": "1.0.0", "tasks": {
        "fan": {"call": "test.noop", "for_each": format!("range({items})")},
        "join": {"call": "test.noop", "after": ["fan"]},
    }})
}

fn busy(items: usize, ms: u64) -> Json {
    json!({"workflow": "bench-overhead", "version": "1.0.0", "tasks": {
        "work": {"call": "time.sleep", "for_each": format!("range({items})"), "with": {"seconds": ms as f64 / 1000.0}},
    }})
}

fn packed(document: &Json) -> Result<Vec<u8>, Error> {
    pack(document.to_string().as_bytes())
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "the document is too large"))
}

/// Run the named scenarios; each gives one row or several.
pub async fn run(options: &Options, bus: &Bus, other: &Bus) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for scenario in &options.scenarios {
        match scenario.as_str() {
            "floors" => {
                rows.push(floors::hop(bus, other, 2000).await?);
                rows.push(floors::publish_fsync(bus, other, 500).await?);
            }
            "chain" => {
                rows.push(latency(options, bus, &chain(CHAIN_STEPS), "chain_40", CHAIN_STEPS as f64).await?)
            }
            "fanout" => rows.push(latency(options, bus, &fanout(FANOUT_ITEMS), "fanout_100", 1.0).await?),
            "throughput" => {
                for in_flight in [50, 500, 2000] {
                    rows.push(throughput(options, bus, in_flight).await?);
                }
            }
            "submit" => rows.push(submit(options, bus).await?),
            "overhead" => {
                for ms in [10, 100] {
                    rows.push(overhead(options, bus, ms).await?);
                }
            }
            other => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("there is no scenario `{other}`"),
                ));
            }
        }
    }
    Ok(rows)
}

/// One run at a time, from submission to its end.
async fn latency(
    options: &Options,
    bus: &Bus,
    document: &Json,
    name: &str,
    steps: f64,
) -> Result<Row, Error> {
    let document = packed(document)?;
    let mut client = Client::new(bus, &options.tenant).await?;
    let mut measured = times();
    for round in 0..options.runs + 3 {
        client.begin(1, "bench", &document, options.partitions).await?;
        let (_, took) = client.next_end().await?;
        if round >= 3 {
            let _ = measured.record(took);
        }
    }
    Ok(row(name, &measured, steps))
}

/// A constant number of chains under way; steps per second in the window.
async fn throughput(options: &Options, bus: &Bus, in_flight: usize) -> Result<Row, Error> {
    let document = packed(&chain(CHAIN_STEPS))?;
    let mut client = Client::new(bus, &options.tenant).await?;
    client
        .begin(in_flight, "bench", &document, options.partitions)
        .await?;
    let mut measured = times();
    // What is submitted first starts together; a window of warming up lets the chains spread.
    let began = Instant::now() + options.window / 4;
    let mut counted = 0_u64;
    let mut again = 0;
    while Instant::now() < began + options.window {
        let (_, took) = client.next_end().await?;
        if Instant::now() >= began {
            counted += 1;
            let _ = measured.record(took);
        }
        again += 1;
        if again >= (in_flight / 20).max(1) {
            client
                .begin(again, "bench", &document, options.partitions)
                .await?;
            again = 0;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    while client.under_way() > 0 {
        client.next_end().await?;
    }
    let steps = counted as f64 * CHAIN_STEPS as f64 / seconds;
    Ok(rate(
        format!("throughput_{in_flight}"),
        "steps/s",
        steps,
        &measured,
    ))
}

/// Submissions, each acknowledged alone, one at a time; the runs have one step and are waited for at the end.
async fn submit(options: &Options, bus: &Bus) -> Result<Row, Error> {
    let document = packed(&chain(1))?;
    let mut client = Client::new(bus, &options.tenant).await?;
    let mut measured = times();
    let began = Instant::now();
    while began.elapsed() < options.window / 2 {
        let one = Instant::now();
        client.submit_one("bench", &document).await?;
        let _ = measured.record(u64::try_from(one.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    let per_second = measured.len() as f64 / began.elapsed().as_secs_f64();
    while client.under_way() > 0 {
        client.next_end().await?;
    }
    Ok(rate("submit", "runs/s", per_second, &measured))
}

/// One minus the share of the slots' time that was inside tasks, at full slots.
async fn overhead(options: &Options, bus: &Bus, ms: u64) -> Result<Row, Error> {
    let items = options.slots * PER_SLOT;
    let document = packed(&busy(items, ms))?;
    let mut client = Client::new(bus, &options.tenant).await?;
    client.begin(1, "bench", &document, options.partitions).await?;
    let (ended, took) = client.next_end().await?;
    let mut measured = times();
    let _ = measured.record(took);
    let busy_us = client.function_us(&ended.run, options.partitions).await? as f64;
    let share = 100.0 * (1.0 - busy_us / (options.slots as f64 * took as f64));
    Ok(rate(format!("overhead_{ms}ms"), "%", share, &measured))
}
