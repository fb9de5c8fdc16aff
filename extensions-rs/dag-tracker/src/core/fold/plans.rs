//! Documents and their plans, each kept once for all runs of it.

use symphony_workflow::{NoFunctions, check, unpack};

use super::*;

/// Plans kept for documents; one that fell out is compiled again.
const PLANS_MAX: usize = 1024;

impl Fold {
    /// The plan of a packed document, compiled once, and the document itself, kept once for all runs of it.
    pub fn plan(&mut self, document: &Payload) -> Result<(Arc<Plan>, Payload), String> {
        let digest = *blake3::hash(document).as_bytes();
        if let Some(known) = self.plans.get(&digest) {
            return Ok(known.clone());
        }
        let json = unpack(document)?;
        let plan = check(&json, &NoFunctions).map_err(|problems| {
            let first = problems
                .first()
                .map(|p| format!("{}: {}", p.at, p.message))
                .unwrap_or_default();
            let more = problems.len().saturating_sub(1);
            if more > 0 {
                format!("{first} (and {more} more)")
            } else {
                first
            }
        })?;
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear(); // what is in use is held by its runs
        }
        // Copied out of the message that it came in, which is given up.
        let known = (plan, Payload::from(document.to_vec()));
        self.plans.insert(digest, known.clone());
        Ok(known)
    }
}
