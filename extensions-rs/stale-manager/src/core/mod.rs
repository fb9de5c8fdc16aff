//! What goes and why: pure, of facts about runs, a policy and the time.

pub mod census;
pub mod fact;
pub mod lineage;
pub mod plan;
pub mod policy;
pub mod shape;
pub mod sketch;
pub mod worth;

pub use fact::Fact;
pub use plan::{Judged, Plan, Verdict};
pub use policy::Policy;
