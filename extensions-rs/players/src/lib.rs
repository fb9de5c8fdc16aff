//! Stock functions.
