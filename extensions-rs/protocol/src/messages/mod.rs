// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Every message of the mesh.

pub mod errors;
pub mod extensions;
pub mod runs;
pub mod control;
pub mod log;
pub mod ready;
pub mod tasks;
pub mod heartbeat;
pub mod grants;
pub mod holds;
pub mod policies;
pub mod dag;
pub mod store;
pub mod stale;
pub mod retention;
pub mod reencode;
pub use errors::*;
pub use extensions::*;
pub use runs::*;
pub use control::*;
pub use log::*;
pub use ready::*;
pub use tasks::*;
pub use heartbeat::*;
pub use grants::*;
pub use holds::*;
pub use policies::*;
pub use dag::*;
pub use store::*;
pub use stale::*;
pub use retention::*;
pub use reencode::*;
