//! Floors: what the broker, the disk and the memory alone cost on this machine, around each scenario.

use std::collections::BTreeMap;
use std::path::Path;

use symphony_sdk::{Bus, Error};

use crate::probes;
use crate::report::{Against, Row};

pub const PUBLISH: &str = "floor_publish_fsync";
pub const RATE: &str = "floor_publish_rate";
pub const HOP: &str = "floor_hop";
pub const DISK: &str = "floor_disk_fsync";

/// A size of payload, with the names of its floors.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub bytes: usize,
    pub name: &'static str,
    pub memcpy: &'static str,
    pub disk: &'static str,
}

/// From what is inline to what is many pieces of an artifact.
pub const SIZES: [Size; 6] = [
    size(1 << 10, "1kib", "floor_memcpy_1kib", "floor_disk_1kib"),
    size(16 << 10, "16kib", "floor_memcpy_16kib", "floor_disk_16kib"),
    size(256 << 10, "256kib", "floor_memcpy_256kib", "floor_disk_256kib"),
    size(1 << 20, "1mib", "floor_memcpy_1mib", "floor_disk_1mib"),
    size(4 << 20, "4mib", "floor_memcpy_4mib", "floor_disk_4mib"),
    size(16 << 20, "16mib", "floor_memcpy_16mib", "floor_disk_16mib"),
];

const fn size(bytes: usize, name: &'static str, memcpy: &'static str, disk: &'static str) -> Size {
    Size {
        bytes,
        name,
        memcpy,
        disk,
    }
}

/// Where floors are measured: two connections to the broker, and the folder that its streams lie in, or beside.
pub struct Ground<'a> {
    pub bus: &'a Bus,
    pub other: &'a Bus,
    pub folder: &'a Path,
}

impl Ground<'_> {
    /// Those that most scenarios are seen beside.
    pub async fn usual(&self) -> Result<Vec<Row>, Error> {
        Ok(vec![
            probes::hop(self.bus, self.other, 1000).await?,
            probes::publish_fsync(self.bus, self.other, 300).await?,
            probes::publish_rate(self.bus).await?,
            probes::disk(DISK, self.folder, probes::BLOCK_BYTES, 200)?,
        ])
    }

    /// Those of payloads.
    pub fn sizes(&self) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for size in SIZES {
            rows.push(probes::memcpy(size.memcpy, size.bytes));
            rows.push(probes::disk(size.disk, self.folder, size.bytes, 10)?);
        }
        Ok(rows)
    }
}

/// Set rows beside the floors that they name: of two measurements of one, the better, which is the lower bound of the two.
pub fn attach(rows: &mut [Row], before: &[Row], after: &[Row]) {
    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    for floor in before.iter().chain(after) {
        let rate = floor.unit.ends_with("/s");
        let known = best.entry(&floor.name).or_insert(floor.value);
        *known = if rate {
            known.max(floor.value)
        } else {
            known.min(floor.value)
        };
    }
    for row in rows {
        for name in &row.beside {
            if let Some(value) = best.get(name).copied().filter(|value| *value > 0.0) {
                row.floors.push(Against {
                    name,
                    value,
                    times: row.value / value,
                });
            }
        }
    }
}

/// One row for each floor: of all its measurements, the one in the middle.
pub fn middle(measured: Vec<Row>) -> Vec<Row> {
    let mut order = Vec::new();
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in measured {
        if !found.contains_key(&row.name) {
            order.push(row.name.clone());
        }
        found.entry(row.name.clone()).or_default().push(row);
    }
    let pick = |name: String| {
        let mut rows = found.remove(&name)?;
        rows.sort_by(|a, b| a.value.total_cmp(&b.value));
        let runs = rows.iter().map(|row| row.runs).sum();
        let mut row = rows.swap_remove(rows.len() / 2);
        row.runs = runs;
        Some(row)
    };
    order.into_iter().filter_map(pick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_seen_beside_the_better_of_two_measurements() {
        let mut rows = vec![
            Row::figure("chain_40", "ms", 0.8, 1).beside(PUBLISH),
            Row::figure("one_step_50", "runs/s", 3000.0, 1).beside(RATE),
            Row::figure("alone", "ms", 1.0, 1),
        ];
        let before = [
            Row::figure(PUBLISH, "ms", 0.5, 1),
            Row::figure(RATE, "messages/s", 900.0, 1),
        ];
        let after = [
            Row::figure(PUBLISH, "ms", 0.4, 1),
            Row::figure(RATE, "messages/s", 1000.0, 1),
        ];
        attach(&mut rows, &before, &after);
        assert_eq!(rows[0].floors[0].name, PUBLISH);
        assert!((rows[0].floors[0].times - 2.0).abs() < 1e-9);
        assert!((rows[1].floors[0].times - 3.0).abs() < 1e-9);
        assert!(rows[2].floors.is_empty());
    }

    #[test]
    fn of_many_measurements_of_a_floor_the_middle_one_is_told() {
        let rows = [3.0, 1.0, 2.0].map(|value| Row::figure(HOP, "ms", value, 10));
        let told = middle(rows.into());
        assert_eq!((told.len(), told[0].value, told[0].runs), (1, 2.0, 30));
    }
}
