//! Bounds of pools that an operator set: kept on the broker, so that they outlive this process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symphony_protocol::Scale;
use symphony_sdk::policies::Versions;
use symphony_sdk::{Bus, Error, ErrorKind};

use crate::processes::Processes;

/// The least and the most processes of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Set {
    min: u32,
    max: u32,
}

/// What was set, by pool.
pub struct Scaling {
    set: BTreeMap<String, Set>,
    versions: Versions,
}

impl Scaling {
    /// Take up what was set last. What cannot be read changes nothing.
    pub async fn load(bus: &Bus, processes: &mut Processes) -> Result<Self, Error> {
        let versions = Versions::load(bus, "pool").await?;
        let policy = versions.current();
        let set = match policy.version {
            0 => BTreeMap::new(),
            _ => serde_json::from_str(&policy.document).unwrap_or_else(|error| {
                tracing::error!(%error, "the bounds that were set cannot be read: the configuration's are in force");
                BTreeMap::new()
            }),
        };
        let made = Self { set, versions };
        made.tell(processes);
        Ok(made)
    }

    fn tell(&self, processes: &mut Processes) {
        for (pool, Set { min, max }) in &self.set {
            processes.scale(pool, *min, *max);
        }
    }

    /// Set what is asked for, once it is stored. Kind `NotFound`: nothing is meant; `Invalid`: no such bounds.
    pub async fn apply(&mut self, scale: &Scale, processes: &mut Processes) -> Result<(), Error> {
        let meant = processes.meant(&scale.target);
        if meant.is_empty() {
            let text = format!(
                "no pool is named {0} or has workers that offer {0}; `symphony pit pools show` lists them",
                scale.target
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let mut set = self.set.clone();
        for (pool, min, max, places) in meant {
            let wanted = |said: Option<u64>, before: u32| {
                said.map_or(before, |count| u32::try_from(count).unwrap_or(u32::MAX))
            };
            let (min, max) = (wanted(scale.min, min), wanted(scale.max, max));
            if max > places {
                let text = format!(
                    "pool {pool} has users for {places} processes, not for {max}: start it with more (`symphony up --workers \
                     {pool}={min}-{max}x...`)"
                );
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            if min > max {
                let text = format!("pool {pool}: the least, {min}, is more than the most, {max}");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            set.insert(pool, Set { min, max });
        }
        let document = serde_json::to_string(&set).map_err(Error::internal)?;
        self.versions.add(document, scale.reason.clone()).await?;
        self.set = set;
        self.tell(processes);
        Ok(())
    }
}
