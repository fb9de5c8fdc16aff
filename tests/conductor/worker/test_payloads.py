"""Large values travel as references, unasked, and come back as what they were."""

from __future__ import annotations

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from conductor.wire.values import is_reference, reference, unpack
from conductor.worker.payloads import resolve, spill


class Blobs:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, data: bytes, media_type: str) -> str:
        digest = blake3(data).hexdigest()
        self.kept[digest] = data
        return digest

    async def get(self, digest: str) -> bytes:
        return self.kept[digest]


async def test_a_small_value_stays_where_it_is():
    blobs = Blobs()
    assert unpack(await spill({"a": 1}, blobs.put)) == {"a": 1}
    assert not blobs.kept


async def test_the_largest_field_goes_first_and_the_small_ones_stay():
    blobs = Blobs()
    value = {"big": "x" * 900, "middle": "y" * 400, "n": 3}
    spilled = unpack(await spill(value, blobs.put, 600))
    assert is_reference(spilled["big"])
    assert spilled["middle"] == value["middle"]
    assert spilled["n"] == 3
    assert await resolve(spilled, blobs.get) == value


async def test_a_value_without_fields_goes_whole():
    blobs = Blobs()
    value = list(range(1000))
    spilled = unpack(await spill(value, blobs.put, 100))
    assert is_reference(spilled)
    assert await resolve(spilled, blobs.get) == value


async def test_a_parameter_of_type_artifact_is_handed_over_as_a_reference():
    mark = reference("0" * 64, 5, "application/msgpack")
    assert await resolve({"a": mark}, Blobs().get, frozenset({"a"})) == {"a": mark}


async def test_a_picture_is_not_a_value():
    mark = reference("0" * 64, 5, "image/svg+xml")
    assert await resolve({"a": mark, "b": [mark]}, Blobs().get) == {"a": mark, "b": [mark]}


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=50) | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), values, max_size=6), st.integers(150, 600))
async def test_whatever_is_spilled_comes_back(value, limit):
    blobs = Blobs()
    payload = await spill(value, blobs.put, limit)
    assert await resolve(unpack(payload), blobs.get) == value
