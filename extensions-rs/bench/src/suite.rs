//! The scenarios in the order in which they were asked for, each between two measurements of its floors.

use std::path::PathBuf;
use std::time::Duration;

use symphony_sdk::{Bus, Error};

use crate::floors::{Ground, attach, middle};
use crate::processes::Processes;
use crate::report::Row;
use crate::scenarios::{self, Session};

#[derive(Clone, Debug)]
pub struct Options {
    pub scenarios: Vec<String>,
    pub partitions: u32,
    pub tenant: String,
    /// How long each rate is measured.
    pub window: Duration,
    /// Runs of each latency.
    pub runs: usize,
    /// Slots of the workers that serve the stock functions, for the overhead.
    pub slots: usize,
    /// Runs a second of the open loop; none: the usual ones.
    pub rate: Option<f64>,
    /// On the disk that the broker's streams lie on.
    pub folder: PathBuf,
    /// The system's processes, whose time and memory are measured.
    pub processes: Processes,
    /// Documents of recorded workflows, as JSON.
    pub traces: Vec<PathBuf>,
    /// What is set behind the names of rows, so that two systems are told apart.
    pub suffix: String,
}

/// Run the named scenarios; each gives one row or several.
pub async fn run(options: &Options, bus: &Bus, other: &Bus) -> Result<Vec<Row>, Error> {
    let session = Session { options, bus };
    let ground = Ground {
        bus,
        other,
        folder: &options.folder,
    };
    let (mut rows, mut floors) = (Vec::new(), Vec::new());
    for scenario in options.scenarios.iter().filter(|name| *name != "floors") {
        options.processes.rest().await;
        let before = measured(&ground, scenario).await?;
        let mut made = scenarios::run(scenario, &session).await?;
        let after = measured(&ground, scenario).await?;
        attach(&mut made, &before, &after);
        for row in &mut made {
            row.name.push_str(&options.suffix);
        }
        rows.append(&mut made);
        floors.extend(before);
        floors.extend(after);
    }
    if options.scenarios.iter().any(|name| name == "floors") {
        floors.extend(ground.usual().await?);
        floors.append(&mut rows);
        return Ok(reordered(floors));
    }
    Ok(rows)
}

async fn measured(ground: &Ground<'_>, scenario: &str) -> Result<Vec<Row>, Error> {
    let mut floors = ground.usual().await?;
    if scenario == "payload" {
        floors.append(&mut ground.sizes()?);
    }
    Ok(floors)
}

/// The floors first, one row each.
fn reordered(rows: Vec<Row>) -> Vec<Row> {
    let (floors, mut others): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.name.starts_with("floor_"));
    let mut made = middle(floors);
    made.append(&mut others);
    made
}
