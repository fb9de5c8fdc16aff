"""Other orchestrators on the same work, side by side: `symphony bench --against PEER`."""

from conductor.peers.celery import Celery
from conductor.peers.dbos import Dbos
from conductor.peers.peer import Peer, PeerError
from conductor.peers.restate import Restate
from conductor.peers.temporal import Temporal

PEERS: dict[str, Peer] = {
    peer.name: peer for peer in (Restate(), Dbos("postgres"), Dbos("sqlite"), Temporal(), Celery())
}

__all__ = ["PEERS", "Peer", "PeerError"]
