"""Other orchestrators on the same work, side by side: `symphony bench --against PEER`."""

from conductor.peers.airflow import Airflow
from conductor.peers.celery import Celery
from conductor.peers.dbos import Dbos
from conductor.peers.peer import Peer, PeerError
from conductor.peers.prefect import Prefect
from conductor.peers.ray import Ray
from conductor.peers.restate import Restate
from conductor.peers.temporal import Temporal

_ALL: tuple[Peer, ...] = (
    Restate(),
    Dbos("postgres"),
    Dbos("sqlite"),
    Temporal(),
    Celery(),
    Prefect(),
    Airflow(),
    Ray(),
)
PEERS = {peer.name: peer for peer in _ALL}

__all__ = ["PEERS", "Peer", "PeerError"]
