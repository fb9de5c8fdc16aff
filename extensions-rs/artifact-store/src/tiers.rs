//! Packs that nobody added to for long lie elsewhere, in one piece each, and are read from there.

use crate::backend::Backend;
use crate::error::{Error, ErrorKind};
use crate::faults;
use crate::packs::Spot;
use crate::places::{CLOSED, Pack};
use crate::storage::{Storage, locked};

/// Where a pack lies, as it is catalogued.
pub const HOT: i64 = 0;
pub const COLD: i64 = 1;

pub struct Cold {
    backend: Box<dyn Backend>,
    /// How long nothing was added to a pack before it is moved, in milliseconds.
    after_ms: u64,
}

fn name(pack: u64) -> String {
    format!("{pack:012}.pack")
}

impl Cold {
    pub fn new(backend: Box<dyn Backend>, after_ms: u64) -> Self {
        Self { backend, after_ms }
    }

    pub fn read(&self, spot: &Spot) -> Result<Vec<u8>, Error> {
        self.backend
            .range(&name(spot.pack), spot.offset, spot.length as usize)
    }

    /// All of a pack.
    pub fn whole(&self, pack: u64) -> Result<Vec<u8>, Error> {
        let name = name(pack);
        let gone = || Error::new(ErrorKind::NotFound, format!("there is no {name}"));
        let size = self.backend.size(&name)?.ok_or_else(gone)?;
        self.backend
            .range(&name, 0, usize::try_from(size).unwrap_or(usize::MAX))
    }

    pub fn remove(&self, pack: u64) -> Result<(), Error> {
        self.backend.delete(&name(pack))
    }
}

/// The next pack that is old enough to be moved.
fn due(packs: &[Pack], after_ms: u64, now_ms: u64) -> Option<&Pack> {
    let old = |pack: &&Pack| pack.youngest_ms.saturating_add(after_ms) <= now_ms;
    packs
        .iter()
        .filter(|pack| pack.state == CLOSED && pack.tier == HOT && pack.live > 0)
        .find(old)
}

impl Storage {
    /// Move one pack to where old ones lie, if one is due; says which. It is read here until it is there whole, and there
    /// once that is catalogued.
    pub fn cool(&self, now_ms: u64) -> Result<Option<u64>, Error> {
        let Some(cold) = &self.shared.cold else {
            return Ok(None);
        };
        let mut packs = locked(&self.shared.catalogue).packs()?;
        packs.retain(|pack| self.shared.packs.path(pack.number).exists());
        let Some(pack) = due(&packs, cold.after_ms, now_ms) else {
            return Ok(None);
        };
        let number = pack.number;
        let data = std::fs::read(self.shared.packs.path(number))?;
        let size = data.len() as u64;
        cold.backend.put(&name(number), data)?;
        faults::at("tier.copied");
        if cold.backend.size(&name(number))? != Some(size) {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("{} did not arrive whole", name(number)),
            ));
        }
        locked(&self.shared.catalogue).durably(|catalogue| catalogue.move_pack(number, COLD))?;
        self.shared.packs.remove(number)?;
        Ok(Some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pack_with_content_goes_once_it_is_old() {
        let pack = |number, state, live, tier, youngest_ms| Pack {
            number,
            indexed: 0,
            length: 100,
            live,
            state,
            tier,
            youngest_ms,
        };
        let packs = [
            pack(1, CLOSED, 50, COLD, 0),
            pack(2, CLOSED, 0, HOT, 0),
            pack(3, crate::places::OPEN, 50, HOT, 0),
            pack(4, CLOSED, 50, HOT, 100),
        ];
        assert_eq!(due(&packs, 1000, 1099), None);
        assert_eq!(due(&packs, 1000, 1100).map(|pack| pack.number), Some(4));
    }
}
