//! Why a claimant has its place, in a sentence that a person can read, and in the numbers behind it.

use std::collections::BTreeMap;

use symphony_protocol::Placed;

use super::candidates::Candidate;

/// A candidate's place, once the slots are divided.
pub fn placed(candidate: &Candidate) -> Placed {
    let claimant = candidate.claimant;
    let mut factors = BTreeMap::from([
        ("priority".to_owned(), f64::from(candidate.priority)),
        ("level".to_owned(), f64::from(candidate.level)),
        ("worth".to_owned(), candidate.worth),
        ("starving".to_owned(), f64::from(u8::from(candidate.starving))),
        ("tenant_share".to_owned(), candidate.tenant.share()),
        ("tenant_weight".to_owned(), candidate.tenant.weight),
        ("workflow_share".to_owned(), candidate.workflow.share()),
        ("workflow_weight".to_owned(), candidate.workflow.weight),
        ("waited_ms".to_owned(), claimant.waited_ms as f64),
    ]);
    if let Some(left_ms) = candidate.left_ms {
        factors.insert("deadline_left_ms".to_owned(), left_ms as f64);
    }
    Placed {
        tenant: claimant.tenant.clone(),
        workflow: claimant.workflow.clone(),
        slots: candidate.given,
        rationale: sentence(candidate),
        factors,
    }
}

fn sentence(candidate: &Candidate) -> String {
    let claimant = candidate.claimant;
    let got = match (candidate.given, claimant.waiting) {
        (0, 0) => "asks for nothing".to_owned(),
        (0, _) => "gets no slot now".to_owned(),
        (given, waiting) => format!("gets {given} of {waiting} asked for"),
    };
    let starving = if candidate.starving {
        format!(
            "it waited {} ms, past the bound, so it goes first once; ",
            claimant.waited_ms
        )
    } else {
        String::new()
    };
    let hurried = candidate.left_ms.map_or_else(String::new, |left| {
        format!("its deadline binds ({left} ms are left beside the rest of its run); ")
    });
    format!(
        "{}/{} {got}: {starving}{hurried}priority {}, its tenant has {:.1} slot seconds at weight {}, it has {:.1} at weight {}",
        claimant.tenant,
        claimant.workflow,
        candidate.priority,
        candidate.tenant.seconds,
        candidate.tenant.weight,
        candidate.workflow.seconds,
        candidate.workflow.weight,
    )
}
