"""Seen from outside: traces, metrics, logs."""
