//! The game without a clock, a disk or chance of its own.

pub mod advise;
pub mod bots;
pub mod chance;
pub mod check;
pub mod document;
pub mod estimate;
pub mod game;
pub mod observe;
pub mod offer;
pub mod recover;
pub mod relate;
pub mod score;
pub mod state;
pub mod step;
pub mod turn;
