//! One tenant floods, nine submit a trickle: how long the nine take, beside what they take alone on the same system.

use std::time::Instant;

use symphony_sdk::Error;

use super::Session;
use super::open::moments;
use crate::clients::Client;
use crate::documents;
use crate::floors::PUBLISH;
use crate::report::{Load, Row, Times};

/// Runs of the flood, all submitted before the trickle begins.
const FLOOD: usize = 10_000;
/// Of one message.
const BATCH: usize = 100;
const TRICKLE: usize = 9;
/// Runs a second of the nine together: a twelfth of what eight slots do.
const RATE: f64 = 33.0;
/// How long an execution holds its slot.
const HELD_MS: u64 = 20;

/// The trickle alone, and then under the flood.
pub async fn hostile(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let document = documents::sleep(HELD_MS);
    let alone = trickle(session, &document).await?;
    let mut flood = Client::new(session.bus, "flood", session.options.partitions, &document).await?;
    for _ in 0..FLOOD / BATCH {
        flood.begin("flood", BATCH).await?;
    }
    flood.acknowledged().await?;
    flood.next_end().await?;
    // Its first execution has ended: from now on every slot has a backlog behind it.
    let began = Instant::now();
    let measured = async {
        let times = trickle(session, &document).await?;
        Ok::<_, Error>((times, began.elapsed()))
    };
    let flooding = async {
        flood.drain().await?;
        Ok::<_, Error>(began.elapsed())
    };
    let ((under, trickled), flooded) = tokio::try_join!(measured, flooding)?;
    let row = |name: &str, times: &Times| Row::times(name, times, 1.0).load(Load::Open).beside(PUBLISH);
    Ok(vec![
        row("trickle_alone", &alone),
        row("trickle_flooded", &under)
            .part("times_alone_p50", under.ms(0.5) / alone.ms(0.5))
            .part("times_alone_p99", under.ms(0.99) / alone.ms(0.99))
            .part("trickle_s", trickled.as_secs_f64())
            .part("flood_s", flooded.as_secs_f64()),
    ])
}

/// Runs of one step that nine tenants submit in turn, each measured from the moment at which it was to come.
async fn trickle(session: &Session<'_>, document: &serde_json::Value) -> Result<Times, Error> {
    let names: Vec<String> = (0..TRICKLE).map(|number| format!("trickle{number}")).collect();
    let mut client = Client::new(session.bus, "*", session.options.partitions, document).await?;
    let mut moments = moments(RATE, session.options.window)?;
    let mut turn = names.iter().cycle();
    let mut times = Times::default();
    let mut coming = true;
    while coming || client.under_way() > 0 {
        tokio::select! {
            meant = moments.recv(), if coming => match (meant, turn.next()) {
                (Some(meant), Some(tenant)) => {
                    client.post(tenant, meant).await?;
                }
                _ => coming = false,
            },
            ended = client.next_end(), if client.under_way() > 0 => times.add(ended?.took),
        }
    }
    client.drain().await?;
    Ok(times)
}
