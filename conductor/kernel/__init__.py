"""The microkernel: routes and dispatches, runs the life cycle of extensions, keeps the protocols."""
