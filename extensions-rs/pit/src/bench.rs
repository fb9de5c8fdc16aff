//! `symphony-pit bench`: the load generator as a process of its own.

use std::io::Write;
use std::time::Duration;

use symphony_bench::{Options, run as measure};
use symphony_sdk::{Bus, BusOptions, Error};

#[derive(clap::Args)]
pub struct Arguments {
    /// Scenarios: chain, fanout, throughput, submit, overhead, floors
    scenarios: Vec<String>,
    /// Partitions of the mesh
    #[arg(long, default_value_t = 1)]
    partitions: u32,
    /// The tenant to submit as
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Seconds of each rate
    #[arg(long, default_value_t = 5.0)]
    window: f64,
    /// Runs of each latency
    #[arg(long, default_value_t = 40)]
    runs: usize,
    /// Slots of the workers that serve the stock functions
    #[arg(long, default_value_t = 8)]
    slots: usize,
    /// The user's name in its credentials
    #[arg(long, default_value = "bench")]
    name: String,
}

pub async fn run(arguments: Arguments) -> Result<(), Error> {
    let options = Options {
        scenarios: arguments.scenarios,
        partitions: arguments.partitions,
        tenant: arguments.tenant,
        window: Duration::from_secs_f64(arguments.window.clamp(0.5, 600.0)),
        runs: arguments.runs,
        slots: arguments.slots,
    };
    let bus = Bus::connect(&BusOptions::from_env(&arguments.name)).await?;
    let other = Bus::connect(&BusOptions::from_env(&arguments.name)).await?;
    for row in measure(&options, &bus, &other).await? {
        let line = serde_json::to_string(&row).map_err(Error::internal)?;
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
