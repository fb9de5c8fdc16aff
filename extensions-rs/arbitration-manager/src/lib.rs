//! Shares, limits and budgets, each with a rationale.
