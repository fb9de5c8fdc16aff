//! The open loop: runs come at their moments whatever becomes of the earlier ones, and each is measured from the moment at
//! which it was to come. A system that stalls is charged for what it kept waiting, also for what could not be sent meanwhile.

use std::time::{Duration, Instant};

use symphony_sdk::{Error, ErrorKind};
use tokio::sync::mpsc;

use super::Session;
use crate::documents;
use crate::floors::PUBLISH;
use crate::report::{Load, Row, Times};

/// Runs a second where none is named: a quiet system, and a busy one.
const RATES: [f64; 2] = [200.0, 1000.0];
/// Moments that the generator may be behind by; beyond, it cannot keep the rate and says so.
const LATE_MAX: usize = 100_000;

/// Runs of one step at each rate.
pub async fn open(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let rates = session.options.rate.map_or(RATES.to_vec(), |rate| vec![rate]);
    let mut rows = Vec::new();
    for rate in rates {
        rows.push(at(session, rate).await?);
    }
    Ok(rows)
}

async fn at(session: &Session<'_>, rate: f64) -> Result<Row, Error> {
    let mut client = session.client(&documents::chain(1, false)).await?;
    let mut moments = moments(rate, session.options.window)?;
    let (mut times, mut sent) = (Times::default(), 0_u64);
    let began = Instant::now();
    let mut coming = true;
    while coming || client.under_way() > 0 {
        tokio::select! {
            meant = moments.recv(), if coming => match meant {
                Some(meant) => {
                    client.post(&session.options.tenant, meant).await?;
                    sent += 1;
                }
                None => coming = false,
            },
            ended = client.next_end(), if client.under_way() > 0 => times.add(ended?.took),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    client.acknowledged().await?;
    Ok(Row::times(format!("open_{rate:.0}"), &times, 1.0)
        .load(Load::Open)
        .beside(PUBLISH)
        .part("rate", rate)
        .part("rate_kept", sent as f64 / seconds))
}

/// The moments of a rate, told by a thread of its own: the timers of the event loop have a grain of a millisecond.
pub fn moments(rate: f64, window: Duration) -> Result<mpsc::Receiver<Instant>, Error> {
    let (tell, told) = mpsc::channel(LATE_MAX);
    let pace = move || {
        let began = Instant::now();
        for number in 0_u64.. {
            let after = Duration::from_secs_f64(number as f64 / rate);
            if after >= window {
                return;
            }
            let meant = began + after;
            std::thread::sleep(meant.saturating_duration_since(Instant::now()));
            if tell.blocking_send(meant).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("pace".to_owned())
        .spawn(pace)
        .map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn moments_are_those_of_the_rate_however_late_they_are_taken() {
        let mut told = moments(1000.0, Duration::from_millis(20)).unwrap();
        let first = told.recv().await.unwrap();
        std::thread::sleep(Duration::from_millis(40)); // the reader stalls: the moments are kept
        let mut last = (first, 1);
        while let Some(meant) = told.recv().await {
            last = (meant, last.1 + 1);
        }
        assert_eq!(last.1, 20);
        assert_eq!(last.0 - first, Duration::from_millis(19));
    }
}
