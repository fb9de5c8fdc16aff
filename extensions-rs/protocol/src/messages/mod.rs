// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Every message of the mesh.

pub mod control;
pub mod dag;
pub mod errors;
pub mod extensions;
pub mod grants;
pub mod heartbeat;
pub mod holds;
pub mod ladder;
pub mod log;
pub mod policies;
pub mod ready;
pub mod reencode;
pub mod retention;
pub mod runs;
pub mod stale;
pub mod store;
pub mod tasks;
pub use control::*;
pub use dag::*;
pub use errors::*;
pub use extensions::*;
pub use grants::*;
pub use heartbeat::*;
pub use holds::*;
pub use ladder::*;
pub use log::*;
pub use policies::*;
pub use ready::*;
pub use reencode::*;
pub use retention::*;
pub use runs::*;
pub use stale::*;
pub use store::*;
pub use tasks::*;
