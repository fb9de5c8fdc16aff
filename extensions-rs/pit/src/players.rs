//! `symphony-pit players`: a worker of the stock functions.

use symphony_sdk::worker::{Worker, WorkerOptions};
use symphony_sdk::{Bus, BusOptions, Error, component};

#[derive(clap::Args)]
pub struct Arguments {
    /// Tasks at once
    #[arg(long, default_value_t = 8, env = "SYMPHONY_SLOTS")]
    slots: u32,
    /// The worker's name
    #[arg(long, default_value = "players", env = "SYMPHONY_WORKER")]
    name: String,
    /// The pool that it belongs to
    #[arg(long, env = "SYMPHONY_POOL")]
    pool: Option<String>,
}

pub async fn run(arguments: Arguments) -> Result<(), Error> {
    let Arguments { slots, name, pool } = arguments;
    let bus = Bus::connect(&BusOptions::from_env(&name)).await?;
    let options = WorkerOptions {
        name,
        slots,
        pool,
        manifest_name: "stock-players".to_owned(),
    };
    let worker = symphony_players::all()
        .into_iter()
        .fold(Worker::new(options), Worker::offer);
    component::run_until_signal(|shutdown| worker.run(bus, shutdown)).await
}
