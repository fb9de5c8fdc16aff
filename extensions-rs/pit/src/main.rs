//! `symphony-pit`: one role, or the five of the Pit in one process; the stock worker; and what needs no mesh.

mod bench;
mod check;
mod players;
mod roles;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use symphony_sdk::{ErrorKind, logs, metrics, telemetry};

/// The fold makes and drops many small values a step: the system's allocator took a quarter of the tracker's time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// For blocking work that is nearly done: a snapshot, an archive. What is cut off here, a crash cuts off as well.
const THREADS_TIME: Duration = Duration::from_secs(2);

#[derive(Parser)]
#[command(
    name = "symphony-pit",
    version,
    about = "The infrastructure extensions of Symphony Conductor"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// DAG Tracker: run state as a fold of the log
    Dag(Configured),
    /// Pool Manager: workers, slots, leases and processes
    Pool(Configured),
    /// Artifact Store: content-addressed blobs
    Store(Configured),
    /// Arbitration Manager: shares, limits and budgets
    Arbitration(Configured),
    /// Stale Manager: retention, archive and trajectories
    Stale(Configured),
    /// All five in this process
    All(Configured),
    /// Serve the stock functions
    Players(players::Arguments),
    /// Check a workflow document (canonical JSON on stdin); the answer is JSON on stdout
    Check,
    /// Measure a running system; results are JSON lines on stdout
    Bench(bench::Arguments),
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file, TOML with a section for each role
    #[arg(long)]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    logs::init();
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Check) {
        return check::main();
    }
    if matches!(arguments.command, Command::Players(_)) {
        telemetry::init("symphony-players");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = runtime.map_err(symphony_sdk::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(async {
            metrics::serve().await;
            use roles::Role::{Arbitration, Dag, Pool, Stale, Store};
            match arguments.command {
                Command::Dag(at) => roles::run(&[Dag], at.config).await,
                Command::Pool(at) => roles::run(&[Pool], at.config).await,
                Command::Store(at) => roles::run(&[Store], at.config).await,
                Command::Arbitration(at) => roles::run(&[Arbitration], at.config).await,
                Command::Stale(at) => roles::run(&[Stale], at.config).await,
                Command::All(at) => roles::run(&[Dag, Pool, Store, Arbitration, Stale], at.config).await,
                Command::Players(arguments) => players::run(arguments).await,
                Command::Bench(arguments) => bench::run(arguments).await,
                Command::Check => Ok(()),
            }
        });
        // A function in a thread ends with this process, which else would wait for it.
        runtime.shutdown_timeout(THREADS_TIME);
        outcome
    });
    telemetry::shutdown();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            // 2: what was asked for is wrong; 3: the broker is not there; 1: it failed.
            ExitCode::from(match error.kind() {
                ErrorKind::Config | ErrorKind::Invalid => 2,
                ErrorKind::Unavailable | ErrorKind::TimedOut => 3,
                _ => 1,
            })
        }
    }
}
