//! The bus, the life of a component, and the worker runtime.
