//! Closed loops: a number of runs under way, each that ends replaced by the next.

use std::time::{Duration, Instant};

use serde_json::Value as Json;
use symphony_sdk::Error;

use super::Session;
use super::latency::{CHAIN_STEPS, latency, processor};
use crate::clients::Client;
use crate::documents::{self, FLOW};
use crate::floors::{PUBLISH, RATE};
use crate::processes::{Parts, growth};
use crate::report::{Load, Row, Times};

const TENANTS: usize = 100;
const BATCH: usize = 100;
/// Runs under way where they are submitted by the batch: ten batches.
const BATCHED: usize = 10 * BATCH;

/// How the runs of a loop are submitted.
#[derive(Clone, Copy)]
enum By {
    /// Each in a message of its own, as soon as another has ended.
    One,
    /// So many together.
    Many(usize),
}

struct Loop {
    per_second: f64,
    times: Times,
    spent: Parts,
    ended: u64,
    /// What the load put off went on for so long after it.
    after: Duration,
}

impl Loop {
    fn row(&self, name: impl Into<String>, unit: &'static str, per_second: f64) -> Row {
        let row = Row::rate(name, unit, per_second, &self.times);
        let row = row.load(Load::Closed).beside(RATE);
        row.part("after_s", self.after.as_secs_f64())
    }
}

/// A chain of no-ops, and what a step costs each process at full load.
pub async fn throughput(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let document = documents::chain(CHAIN_STEPS, false);
    let mut rows = Vec::new();
    for in_flight in [50, 500, 2000] {
        let tenants = [session.options.tenant.clone()];
        let by = By::Many((in_flight / 20).max(1));
        let made = closed(session, &document, &tenants, in_flight, by).await?;
        let steps = CHAIN_STEPS as f64;
        rows.push(made.row(
            format!("throughput_{in_flight}"),
            "steps/s",
            made.per_second * steps,
        ));
        if !session.options.processes.is_empty() {
            rows.push(processor(
                format!("cpu_{in_flight}"),
                made.spent,
                made.ended as f64 * steps,
            ));
        }
    }
    Ok(rows)
}

/// The same work, spread over many tenants.
pub async fn tenants(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let names: Vec<String> = (0..TENANTS).map(|number| format!("tenant{number}")).collect();
    let document = documents::chain(CHAIN_STEPS, false);
    let made = closed(session, &document, &names, 500, By::Many(5)).await?;
    let steps = made.per_second * CHAIN_STEPS as f64;
    Ok(vec![made.row("tenants_100", "steps/s", steps)])
}

/// The business flow: one at a time, and many at once.
pub async fn flow(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let document = documents::flow();
    let times = latency(session, &document, session.options.runs).await?;
    let mut rows = vec![
        Row::times("flow_9", &times, 1.0)
            .load(Load::Closed)
            .beside(PUBLISH)
            .part("step_ms", times.ms(0.5) / FLOW.len() as f64),
    ];
    for in_flight in [50, 500] {
        let tenants = [session.options.tenant.clone()];
        let made = closed(session, &document, &tenants, in_flight, By::One).await?;
        rows.push(made.row(format!("flow_9_{in_flight}"), "runs/s", made.per_second));
    }
    Ok(rows)
}

/// Runs of one step: at idle, each submitted alone by many clients, and by the batch.
pub async fn one(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let document = documents::chain(1, false);
    let times = latency(session, &document, session.options.runs * 5).await?;
    let mut rows = vec![
        Row::times("one_step", &times, 1.0)
            .load(Load::Closed)
            .beside(PUBLISH),
    ];
    let tenants = [session.options.tenant.clone()];
    let loops = [
        ("one_step_50", 50, By::One),
        ("one_step_500", 500, By::One),
        ("one_step_batch_100", BATCHED, By::Many(BATCH)),
    ];
    for (name, in_flight, by) in loops {
        let made = closed(session, &document, &tenants, in_flight, by).await?;
        rows.push(made.row(name, "runs/s", made.per_second));
    }
    Ok(rows)
}

/// Submissions, each acknowledged alone, one at a time; the runs have one step and are waited for at the end.
pub async fn submit(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let mut client = session.client(&documents::chain(1, false)).await?;
    let mut times = Times::default();
    let began = Instant::now();
    while began.elapsed() < session.options.window / 2 {
        let one = Instant::now();
        client.post(&session.options.tenant, one).await?;
        client.acknowledged().await?;
        times.add(one.elapsed());
    }
    let per_second = times.count() as f64 / began.elapsed().as_secs_f64();
    client.drain().await?;
    Ok(vec![
        Row::rate("submit", "runs/s", per_second, &times)
            .load(Load::Closed)
            .beside(RATE),
    ])
}

/// A constant number of runs under way; those that ended in the window.
async fn closed(
    session: &Session<'_>,
    document: &Json,
    tenants: &[String],
    in_flight: usize,
    by: By,
) -> Result<Loop, Error> {
    let window = session.options.window;
    let whom = if tenants.len() == 1 { tenants.first() } else { None };
    let heard = whom.map_or("*", String::as_str);
    let mut client = Client::new(session.bus, heard, session.options.partitions, document).await?;
    let mut turn = tenants.iter().map(String::as_str).cycle();
    let at_once = match by {
        By::One => 1,
        By::Many(count) => count,
    };
    for _ in 0..in_flight.div_ceil(at_once) {
        submit_to(&mut client, turn.next().unwrap_or("default"), by).await?;
    }
    // What is submitted first starts together; a part of the window lets the runs spread.
    let warm = Instant::now() + window / 4;
    let (mut times, mut ended, mut missing) = (Times::default(), 0_u64, 0);
    let mut measured: Option<(Instant, Parts)> = None;
    loop {
        let one = client.next_end().await?;
        match &measured {
            None if Instant::now() >= warm => {
                measured = Some((Instant::now(), session.options.processes.seconds()));
            }
            Some((began, _)) if began.elapsed() >= window => break,
            Some(_) => {
                ended += 1;
                times.add(one.took);
            }
            None => {}
        }
        missing += 1;
        if missing >= at_once {
            submit_to(&mut client, turn.next().unwrap_or("default"), by).await?;
            missing = 0;
        }
    }
    let (seconds, spent) = measured.map_or((window.as_secs_f64(), Parts::new()), |(began, before)| {
        let after = session.options.processes.seconds();
        (began.elapsed().as_secs_f64(), growth(&before, &after))
    });
    client.drain().await?;
    Ok(Loop {
        per_second: ended as f64 / seconds,
        times,
        spent,
        ended,
        after: session.options.processes.rest().await,
    })
}

async fn submit_to(client: &mut Client, tenant: &str, by: By) -> Result<(), Error> {
    match by {
        By::One => client.post(tenant, Instant::now()).await.map(|_| ()),
        By::Many(count) => client.begin(tenant, count).await,
    }
}
