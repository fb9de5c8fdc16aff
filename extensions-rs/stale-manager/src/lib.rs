//! Retention, archive and the export of trajectories.
