//! Locks, semaphores and rates: their keys as a try sees them. Who holds a key is not the fold's to say: see the ledger.

use symphony_protocol::bounds::NAME_LENGTH_MAX;
use symphony_protocol::raw::{Head, Reader};
use symphony_protocol::{HoldKey, HoldRate, Wants};

use super::*;

impl Walk<'_> {
    /// What a try has to be granted before it starts. None: nothing.
    pub(super) fn wants(&self, id: ExecId, node: &Node) -> Result<Option<Box<Wants>>, ErrorValue> {
        let mut wants = Wants::default();
        if let Some(lock) = &node.lock {
            wants.keys.push(HoldKey {
                key: self.key(id, "lock", lock)?,
                ..Default::default()
            });
        }
        if let Some(semaphore) = &node.semaphore {
            let permits = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            wants.keys.push(HoldKey {
                key: self.key(id, "semaphore", &semaphore.key)?,
                permits: permits(semaphore.permits),
                of: permits(semaphore.of),
            });
        }
        if let Some(rate) = &node.rate {
            wants.rate = Some(HoldRate {
                key: self.key(id, "rate", &rate.key)?,
                per_second: rate.per_second,
                burst: u32::try_from(rate.burst).unwrap_or(u32::MAX),
            });
        }
        let [first, second] = wants.keys.as_slice() else {
            let nothing = wants.keys.is_empty() && wants.rate.is_none();
            return Ok((!nothing).then(|| wants.into()));
        };
        if first.key == second.key {
            let message = format!("its lock and its semaphore have the same key `{}`", first.key);
            return Err(error("expression", message));
        }
        Ok(Some(wants.into()))
    }

    fn key(&self, id: ExecId, word: &str, template: &Template) -> Result<String, ErrorValue> {
        let mut out = Vec::new();
        let written = template.write(&RunScope::at(self.run, id), &mut out);
        written.map_err(|problem| fault(&format!("{word}: "), &problem))?;
        key_of(word, &out)
    }
}

/// A rendered key: a text of a length that stands in messages and in front of people.
pub(super) fn key_of(word: &str, rendered: &[u8]) -> Result<String, ErrorValue> {
    let mut reader = Reader::new(rendered);
    let key = match Reader::new(rendered).head() {
        Ok(Head::Nil) => "", // nothing to tell one from another by
        _ => reader
            .text()
            .map_err(|problem| error("expression", format!("{word}: its key is no text: {problem}")))?,
    };
    if key.is_empty() || key.len() > NAME_LENGTH_MAX {
        let message = format!(
            "{word}: a key has 1 to {NAME_LENGTH_MAX} bytes, this one {}",
            key.len()
        );
        return Err(error("expression", message));
    }
    Ok(key.to_owned())
}
