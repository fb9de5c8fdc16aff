//! Run state as a fold of the log.
