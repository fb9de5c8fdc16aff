//! The game without a clock, a disk or chance of its own.

pub mod advise;
pub mod bots;
pub mod chance;
pub mod document;
pub mod estimate;
pub mod game;
pub mod observe;
pub mod recover;
pub mod score;
pub mod state;
pub mod step;
