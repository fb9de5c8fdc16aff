"""Symphony Conductor: the Python microkernel."""

__version__ = "0.1.0"
