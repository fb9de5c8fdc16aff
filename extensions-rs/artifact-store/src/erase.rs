//! The right to erasure: the key of a tenant is destroyed, and all that was stored under it is forgotten.

use symphony_protocol::ArtifactsErased;

use crate::error::Error;
use crate::faults;
use crate::storage::{Storage, hex, locked};

impl Storage {
    /// Erase what a tenant stored under his keys, whatever names it and whoever holds it. First the keys go, so that nothing that is
    /// cut off leaves anything readable, also not in a copy of the packs; then the catalogue follows, and the bytes are freed
    /// by compacting. What somebody else stored too is his, and stays.
    pub fn erase(&self, tenant: &str, now_ms: u64) -> Result<ArtifactsErased, Error> {
        let mut made = ArtifactsErased::default();
        for id in self.shared.domains.ids(tenant)? {
            let scope = self.shared.domains.scope(id);
            self.shared.domains.destroy(id)?;
            faults::at("erase.destroyed");
            made.keys += 1;
            if scope != 0 {
                self.forget(scope, &mut made)?;
            }
        }
        if made.keys > 0 {
            // The trail tells that it was done, and nothing of what is gone: not even whose it was by name.
            let name = blake3::derive_key("symphony artifact store 2026 erased tenant", tenant.as_bytes());
            let who: String = hex(&name).chars().take(16).collect();
            let detail = format!(
                "{} artifacts of the tenant that hashes to {who}; {} keys destroyed",
                made.artifacts, made.keys
            );
            locked(&self.shared.catalogue).note("erased", None, &detail, now_ms)?;
        }
        Ok(made)
    }

    /// What is left of scopes whose keys are gone, as after an erasure that was cut off.
    pub(crate) fn forget_keyless(&self) -> Result<(), Error> {
        let scopes = locked(&self.shared.catalogue).scopes()?;
        for scope in scopes {
            if !self.shared.domains.is_known(scope) {
                self.forget(scope, &mut ArtifactsErased::default())?;
            }
        }
        Ok(())
    }

    fn forget(&self, scope: u64, made: &mut ArtifactsErased) -> Result<(), Error> {
        let mut catalogue = locked(&self.shared.catalogue);
        let (digests, bytes) = catalogue.forget_scope(scope)?;
        made.bytes += bytes;
        for digest in digests {
            if catalogue.copies(&digest)?.is_empty() {
                catalogue.remove(&hex(&digest))?;
                made.artifacts += 1;
            }
        }
        Ok(())
    }
}
