"""The bus: connect, publish, subscribe, request, serve; leases, streams and blobs on top of it."""

from conductor.bus.artifacts import Artifacts
from conductor.bus.errors import BusError
from conductor.bus.interface import Bus, Endpoint, Mailbox, Received
from conductor.bus.lease import Lease
from conductor.bus.natsbus import BusOptions, NatsBus

__all__ = ["Artifacts", "Bus", "BusError", "BusOptions", "Endpoint", "Lease", "Mailbox", "NatsBus", "Received"]
