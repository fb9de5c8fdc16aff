//! Workflow documents: reading, checking, and the plan the tracker follows.
