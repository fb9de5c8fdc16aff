//! `symphony-pit players`: a worker of the stock functions.

use symphony_sdk::worker::{Worker, WorkerOptions, offers};
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
    /// Where it is, for tasks that ask for it: zone=a,rack=7
    #[arg(long, default_value = "", env = "SYMPHONY_LABELS")]
    labels: String,
    /// What it has in all: cpu=4,memory=8GiB,gpu=1
    #[arg(long, default_value = "", env = "SYMPHONY_RESOURCES")]
    resources: String,
}

pub async fn run(arguments: Arguments) -> Result<(), Error> {
    let Arguments {
        slots,
        name,
        pool,
        labels,
        resources,
    } = arguments;
    let (labels, resources) = (offers::labels(&labels)?, offers::resources(&resources)?);
    let bus = Bus::connect(&BusOptions::from_env(&name)).await?;
    let options = WorkerOptions {
        name,
        slots,
        pool,
        manifest_name: "stock-players".to_owned(),
        labels,
        resources,
    };
    let worker = symphony_players::all()
        .into_iter()
        .fold(Worker::new(options), Worker::offer);
    component::run_until_signal(|shutdown| worker.run(bus, shutdown)).await
}
