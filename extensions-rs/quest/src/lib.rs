//! The Function Quest Game: a virtual clock over functions, pools, budgets and failures, for training a policy and for
//! measuring it. Everything is pure; chance is a seed that is handed in.
#![allow(clippy::indexing_slicing)] // indices come from a compiled game, whose tables have the lengths that it gives

pub mod core;
