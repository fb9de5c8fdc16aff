"""The bounds of every message: lengths, counts and depths, each with its reason.

The same numbers stand in `extensions-rs/protocol/src/bounds.rs`; a test holds the two equal.
"""

from __future__ import annotations

VERSION = 1
"""The version of the message set. A reader accepts unknown fields of the same version."""

PARTITIONS_MAX = 1024
"""More would make an idle beat of level messages a load of its own."""

NAME_LENGTH_MAX = 128
"""Names of functions, workers, tenants, keys: they stand in subjects and metric labels."""

TASK_PATH_LENGTH_MAX = 512
"""A task's path, with the indexes of nested maps."""

TEXT_LENGTH_MAX = 4096
"""Reasons and error messages for people; longer ones are cut by the sender."""

INLINE_PAYLOAD_BYTES_MAX = 64 * 1024
"""Above this a payload is stored as an artifact and travels as a reference."""

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
"""`max_payload` of the broker; batches are split to stay below it."""

FRAME_BYTES_MAX = 1024 * 1024
"""One piece of a composed input or of a blob in transfer."""
PUT_ITEMS_MAX = 1024
"""Small blobs of one put: as many as one sync is worth."""

COMPOSED_INPUT_BYTES_MAX = 256 * 1024 * 1024
"""An input that the tracker composes from many outputs; above it the task fails with kind `limit`."""

DOCUMENT_PACKED_BYTES_MAX = 768 * 1024
"""A workflow document inside its submission, zstd-compressed."""

FIRST_VERSION = "1.0.0"
"""Of a function whose worker says nothing else."""

RUN_STATE_BYTES_MAX = 2 * 1024 * 1024
"""A run that did not succeed as its archive keeps it, zstd-compressed: one message carries it back, beside its identity."""

DOCUMENT_BYTES_MAX = 32 * 1024 * 1024
"""The same unpacked: what a decompressor may produce before it gives up."""

BATCH_COUNT_MAX = 4096
"""Entries of one batch. A beat that has more sends several messages."""

FUNCTIONS_COUNT_MAX = 1024
"""Functions that one extension may offer."""

EVENT_NAMES_MAX = 1024
"""Names of events that the runs of one partition wait for at a time: all of them are told with each change."""

VALUE_DEPTH_MAX = 64
"""Nesting of a user's value. Deeper ones exhaust the stack of some decoder on the way."""

SLOTS_MAX = 65_536
"""Slots of one worker."""

TRACE_BYTES = 25
"""A trace context: trace identifier (16), span identifier (8), flags (1)."""

TOKEN_BYTES = 16
"""A dispatch's token: the first 16 bytes of a keyed BLAKE3."""

RUN_ID_LENGTH = 32
"""A run's identifier: 16 bytes in lower-case hexadecimal."""
