//! What the mesh takes of the time that functions could have had.

use std::time::{Duration, Instant};

use symphony_players::testing;
use symphony_protocol::Value;
use symphony_sdk::worker::{Context, Handler};
use symphony_sdk::{Error, ErrorKind};

use super::Session;
use crate::asking::Asking;
use crate::documents;
use crate::report::{Load, Row, Times};

/// Tasks of each slot: enough that the beginning and the end of the run do not count.
const SLEEPS: [(u64, usize); 2] = [(10, 500), (100, 100)];
const COMPUTED_MS: u64 = 10;
const COMPUTED: usize = 200;
/// The two are measured in turn: what else goes on hits both.
const ROUNDS: usize = 3;

/// One minus the share of the slots' time that was inside tasks, at full slots.
pub async fn overhead(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for (ms, each) in SLEEPS {
        let slots = session.options.slots;
        let mut client = session.client(&documents::sleeps(slots * each, ms)).await?;
        client.begin(&session.options.tenant, 1).await?;
        let ended = client.next_end().await?;
        let asking = Asking {
            bus: session.bus,
            tenant: &session.options.tenant,
            partitions: session.options.partitions,
        };
        let busy_us = asking.function_us(&ended.run.run).await? as f64;
        let whole_us = slots as f64 * ended.took.as_micros() as f64;
        let mut times = Times::default();
        times.add(ended.took);
        let share = 100.0 * (1.0 - busy_us / whole_us);
        rows.push(Row::rate(format!("overhead_{ms}ms"), "%", share, &times).load(Load::Closed));
    }
    Ok(rows)
}

/// Tasks that compute, on a worker of one slot, against the same function called in a loop, without a mesh.
pub async fn dispatch(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let mut client = session
        .client(&documents::computes(COMPUTED, COMPUTED_MS))
        .await?;
    let (mut alone, mut dispatched) = (Duration::ZERO, Duration::ZERO);
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        alone += tokio::task::spawn_blocking(direct)
            .await
            .map_err(Error::internal)??;
        client.begin(&session.options.tenant, 1).await?;
        let ended = client.next_end().await?;
        dispatched += ended.took;
        times.add(ended.took);
    }
    let each = |whole: Duration| whole.as_secs_f64() * 1000.0 / (ROUNDS * COMPUTED) as f64;
    let share = 100.0 * (dispatched.as_secs_f64() / alone.as_secs_f64() - 1.0);
    let name = format!("dispatch_{COMPUTED_MS}ms");
    Ok(vec![
        Row::rate(name, "%", share, &times)
            .load(Load::Closed)
            .part("direct_ms", each(alone))
            .part("dispatched_ms", each(dispatched)),
    ])
}

/// The stock function `test.busy` as the worker calls it, as often as the run does.
fn direct() -> Result<Duration, Error> {
    let offered = testing::functions();
    let found = offered.iter().find(|one| one.manifest.capability == "test.busy");
    let Some(Handler::Blocking(call)) = found.map(|one| &one.handler) else {
        return Err(Error::new(
            ErrorKind::Internal,
            "test.busy is no function of a thread",
        ));
    };
    let context = Context::detached(1);
    let inputs = Value::Map(vec![(
        "ms".to_owned(),
        Value::Int(i64::try_from(COMPUTED_MS).unwrap_or(1)),
    )]);
    let began = Instant::now();
    for _ in 0..COMPUTED {
        call(&context, inputs.clone()).map_err(|error| Error::new(ErrorKind::Internal, error.message))?;
    }
    Ok(began.elapsed())
}
