"""A whole system on one machine, supervised: for development, tests, demonstrations, and small installations."""

from conductor.embedded.errors import EmbeddedError
from conductor.embedded.layout import Layout, ServiceState, State
from conductor.embedded.system import System, SystemOptions

__all__ = ["EmbeddedError", "Layout", "ServiceState", "State", "System", "SystemOptions"]
