//! The scenarios, each as an ordinary client of the system would make them.

mod hostile;
mod latency;
mod live;
mod open;
mod overhead;
mod payload;
mod rates;
mod signal;
mod traces;

use serde_json::Value as Json;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::clients::Client;
use crate::report::Row;
use crate::suite::Options;

pub const NAMES: &[&str] = &[
    "chain",
    "pure",
    "fanout",
    "map",
    "flow",
    "one",
    "submit",
    "throughput",
    "tenants",
    "hostile",
    "open",
    "signal",
    "payload",
    "traces",
    "overhead",
    "dispatch",
    "rest",
    "live",
    "floors",
];

/// What a scenario works with.
pub struct Session<'a> {
    pub options: &'a Options,
    pub bus: &'a Bus,
}

impl Session<'_> {
    /// A client of the benchmark's tenant for runs of one document.
    pub async fn client(&self, document: &Json) -> Result<Client, Error> {
        Client::new(self.bus, &self.options.tenant, self.options.partitions, document).await
    }
}

/// Run one scenario.
pub async fn run(name: &str, session: &Session<'_>) -> Result<Vec<Row>, Error> {
    match name {
        "chain" => latency::chain(session, false).await,
        "pure" => latency::chain(session, true).await,
        "fanout" => latency::fanout(session).await,
        "map" => latency::map(session).await,
        "flow" => rates::flow(session).await,
        "one" => rates::one(session).await,
        "submit" => rates::submit(session).await,
        "throughput" => rates::throughput(session).await,
        "tenants" => rates::tenants(session).await,
        "hostile" => hostile::hostile(session).await,
        "open" => open::open(session).await,
        "signal" => signal::signal(session).await,
        "payload" => payload::payload(session).await,
        "traces" => traces::traces(session).await,
        "overhead" => overhead::overhead(session).await,
        "dispatch" => overhead::dispatch(session).await,
        "rest" => Ok(live::rest(session)),
        "live" => live::live(session).await,
        other => Err(Error::new(
            ErrorKind::Invalid,
            format!("there is no scenario `{other}`; there are {}", NAMES.join(", ")),
        )),
    }
}
