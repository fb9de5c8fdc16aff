//! Roles: each service with its section of the configuration, alone or together.

use std::path::PathBuf;

use serde_json::Value as Json;
use symphony_sdk::config::Config;
use symphony_sdk::{Bus, BusOptions, Error, Shutdown, component};
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Dag,
    Pool,
    Store,
    Arbitration,
    Stale,
}

/// Where the broker is, and who we are to it: the section `[bus]`, else the environment.
fn bus_options(config: &Config, name: &str) -> Result<BusOptions, Error> {
    let mut options = BusOptions::from_env(name);
    let section: Json = config.section("bus")?;
    let text = |field: &str| section.get(field).and_then(Json::as_str).map(str::to_owned);
    if let Some(url) = text("url") {
        options.url = url;
    }
    if let Some(credentials) = text("creds") {
        options.credentials = Some(PathBuf::from(credentials));
    }
    if let Some(name) = text("name") {
        options.name = name;
    }
    Ok(options)
}

/// Run roles until told to stop, or until one of them fails.
pub async fn run(roles: &[Role], path: Option<PathBuf>) -> Result<(), Error> {
    let config = path.map_or_else(|| Ok(Config::default()), |path| Config::read(&path))?;
    let name = match roles {
        [role] => format!("pit-{role:?}").to_lowercase(),
        _ => "pit".to_owned(),
    };
    // A second tracker is another user than the first. Not `SYMPHONY_NAME`: workers inherit it, and have names of their own.
    let name = std::env::var("SYMPHONY_PIT_NAME").unwrap_or(name);
    let bus = Bus::connect(&bus_options(&config, &name)?).await?;
    component::run_until_signal(|shutdown| async move {
        let mut running = JoinSet::new();
        for role in roles {
            running.spawn(one(*role, config.clone(), bus.clone(), shutdown.clone()));
        }
        while let Some(ended) = running.join_next().await {
            // One that fails takes the process down: the supervisor brings all of it back.
            ended.unwrap_or_else(|error| Err(Error::internal(error)))?;
        }
        bus.flush().await
    })
    .await
}

async fn one(role: Role, config: Config, bus: Bus, shutdown: Shutdown) -> Result<(), Error> {
    match role {
        Role::Dag => {
            symphony_dag_tracker::Service::new(config.section("dag")?)
                .run(bus, shutdown)
                .await
        }
        Role::Pool => {
            symphony_pool_manager::Service::new(config.section("pool")?)
                .run(bus, shutdown)
                .await
        }
        Role::Store => {
            symphony_artifact_store::Service::new(config.section("store")?)
                .run(bus, shutdown)
                .await
        }
        Role::Arbitration => {
            symphony_arbitration_manager::Service::new(config.section("arbitration")?)
                .run(bus, shutdown)
                .await
        }
        Role::Stale => {
            symphony_stale_manager::Service::new(config.section("stale")?)
                .run(bus, shutdown)
                .await
        }
    }
}
