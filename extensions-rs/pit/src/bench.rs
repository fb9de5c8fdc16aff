//! `symphony-pit bench`: the load generator as a process of its own.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use symphony_bench::processes::Processes;
use symphony_bench::{Options, Row, cores, run as measure};
use symphony_sdk::{Bus, BusOptions, Error, ErrorKind};

/// Rates that a client on one machine can keep.
const RATE_MAX: f64 = 100_000.0;

#[derive(clap::Args)]
pub struct Arguments {
    /// Scenarios: chain, pure, fanout, map, flow, one, submit, throughput, tenants, open, signal, payload, traces,
    /// overhead, dispatch, rest, live, floors; or cores alone, which needs no broker
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
    /// Runs a second of the open loop
    #[arg(long)]
    rate: Option<f64>,
    /// A folder on the disk that the broker writes to
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// A process of the system, whose time and memory are measured; may be said often
    #[arg(long, value_name = "NAME=PID")]
    process: Vec<String>,
    /// A recorded workflow, as a document in JSON; may be said often
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// What is set behind the names of the results
    #[arg(long, default_value = "")]
    suffix: String,
    /// The user's name in its credentials
    #[arg(long, default_value = "bench")]
    name: String,
}

pub async fn run(arguments: Arguments) -> Result<(), Error> {
    if arguments.scenarios == ["cores"] {
        return said(&cores::run(&arguments.folder)?);
    }
    let wrong = |text: &str| Error::new(ErrorKind::Invalid, text);
    let rate = arguments.rate;
    if rate.is_some_and(|rate| !(rate > 0.0 && rate <= RATE_MAX)) {
        return Err(wrong("--rate is more than 0 and at most 100,000 runs a second"));
    }
    let options = Options {
        scenarios: arguments.scenarios,
        partitions: arguments.partitions,
        tenant: arguments.tenant,
        window: Duration::from_secs_f64(arguments.window.clamp(0.5, 600.0)),
        runs: arguments.runs,
        slots: arguments.slots,
        rate,
        folder: arguments.folder,
        processes: Processes::parse(&arguments.process)
            .ok_or_else(|| wrong("--process is NAME=PID, for example broker=4711"))?,
        traces: arguments.trace,
        suffix: arguments.suffix,
    };
    let bus = Bus::connect(&BusOptions::from_env(&arguments.name)).await?;
    let other = Bus::connect(&BusOptions::from_env(&arguments.name)).await?;
    said(&measure(&options, &bus, &other).await?)
}

/// A line of JSON for each result.
fn said(rows: &[Row]) -> Result<(), Error> {
    for row in rows {
        let line = serde_json::to_string(row).map_err(Error::internal)?;
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
