//! Questions about the slots of `f`, by conductor `c`.

use symphony_protocol::{Claimant, Contend};

/// By the asker's clock, which is not the service's.
pub const NOW_MS: u64 = 1_800_000_000_000;

pub fn claimant(tenant: &str, workflow: &str, waiting: u64) -> Claimant {
    Claimant {
        tenant: tenant.to_owned(),
        workflow: workflow.to_owned(),
        waiting,
        ..Default::default()
    }
}

pub fn contend(slots: u32, claimants: Vec<Claimant>) -> Contend {
    Contend {
        conductor: "c".to_owned(),
        capability: "f".to_owned(),
        slots,
        now_ms: NOW_MS,
        claimants,
        ..Default::default()
    }
}
