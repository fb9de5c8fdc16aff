//! The stock functions that every embedded system has.

pub mod chart;
pub mod files;
pub mod http;
pub mod process;
pub mod spec;
pub mod testing;
pub mod text;
pub mod time;

use symphony_sdk::worker::function::Offered;

/// Every stock function.
pub fn all() -> Vec<Offered> {
    let mut offered = files::functions();
    offered.extend(text::functions());
    offered.push(chart::function());
    offered.push(http::function());
    offered.push(process::function());
    offered.push(time::function());
    offered.extend(testing::functions());
    offered
}
