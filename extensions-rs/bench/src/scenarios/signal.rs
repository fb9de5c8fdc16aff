//! Runs that wait: from a signal to the end of the run that waited for it.

use std::time::Instant;

use symphony_protocol::{Signal, encode, subjects};
use symphony_sdk::Error;

use super::Session;
use crate::asking::Asking;
use crate::documents;
use crate::floors::PUBLISH;
use crate::report::{Load, Row, Times};

/// One run at a time; the clock runs from the signal, once the run is known to wait.
pub async fn signal(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let tenant = &session.options.tenant;
    let mut client = session.client(&documents::waits()).await?;
    let asking = Asking {
        bus: session.bus,
        tenant,
        partitions: session.options.partitions,
    };
    let mut times = Times::default();
    for _ in 0..session.options.runs {
        let run = client.post(tenant, Instant::now()).await?;
        asking.until_waiting(&run).await?;
        let signal = Signal {
            name: "go".to_owned(),
            id: run.clone(),
            run,
            ..Default::default()
        };
        let subject = subjects::signal(tenant, &signal.run);
        let began = Instant::now();
        let sent = session
            .bus
            .publish_log(subject, encode(&signal)?.into(), None)
            .await?;
        client.next_end().await?;
        times.add(began.elapsed());
        sent.await.map_err(Error::unavailable)?;
    }
    Ok(vec![
        Row::times("signal", &times, 1.0)
            .load(Load::Closed)
            .beside(PUBLISH),
    ])
}
