//! The reference page: every function has a row, and every example gives what stands beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod world;

use symphony_expression::function_names;
use world::{eval, json};

const PAGE: &str = include_str!("../../../docs/reference/expressions.md");

/// Name, example and result of each row that has them; `\|` does not occur in the page.
fn rows() -> Vec<(String, String, String)> {
    let code = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let cells = |line: &str| line.split(" | ").map(code).collect::<Vec<_>>();
    let tables = PAGE.split("## Operators").nth(1).unwrap_or_default();
    tables
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .map(|line| cells(line.trim_end_matches(" |")))
        .filter(|cells| cells[0] != "name")
        .map(|cells| (cells[0].clone(), cells[1].clone(), cells[2].clone()))
        .collect()
}

#[test]
fn every_example_gives_what_the_page_says() {
    let rows = rows();
    assert!(rows.len() > 40, "{}", rows.len());
    for (name, example, wanted) in rows {
        let found = eval(&example).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, json(&wanted), "{name}: {example}");
    }
}

#[test]
fn every_function_has_a_row() {
    let rows = rows();
    for name in function_names() {
        assert!(
            rows.iter().any(|(told, ..)| told == name),
            "{name} is not on the page"
        );
    }
}
