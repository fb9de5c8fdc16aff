"""Suites that others made: msgpack's test suite, and the cases of W3C trace context."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from conductor.wire.base import WireError
from conductor.wire.trace import TraceContext, parse_traceparent, run_span_id
from conductor.wire.values import pack, unpack
from tests.shared import shared

PAYLOAD_TYPES = ("nil", "bool", "number", "string", "binary", "array", "map")


def wanted(case: dict[str, Any]) -> tuple[bool, Any]:
    if "bignum" in case:
        return True, int(case["bignum"])
    if "binary" in case:
        return True, bytes.fromhex(case["binary"].replace("-", ""))
    found = next((kind for kind in PAYLOAD_TYPES if kind in case), None)
    return found is not None, case.get(found or "")


def test_the_foreign_msgpack_suite_reads_as_it_should() -> None:
    suite = json.loads(shared("msgpack", "msgpack-test-suite.json").read_text())
    count = 0
    for group, cases in suite.items():
        for case in cases:
            ours, value = wanted(case)
            for text in case["msgpack"]:
                data = bytes.fromhex(text.replace("-", ""))
                count += 1
                if not ours:
                    with pytest.raises(WireError):
                        unpack(data)
                    continue
                read = unpack(data)
                assert read == value, (group, text)
                assert unpack(pack(read)) == value, (group, text)
    assert count == 233


def test_the_cases_of_w3c_trace_context() -> None:
    with shared("trace-context", "cases.tsv").open(newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))[1:]
    judged = 0
    for row in rows:
        case, headers, expected = row[0], row[1], row[2]
        # The value starts right after the colon; `\\t` in the table is a tab.
        given = [header.replace("\\t", "\t").split(":", 1) for header in headers.split(" | ")] if headers else []
        values = [parts[1] if len(parts) > 1 else "" for parts in given if parts[0].lower() == "traceparent"]
        context = parse_traceparent(values)
        if expected.startswith("same trace_id"):
            assert context is not None, case
            assert context.trace_id.hex() in values[0], case
            judged += 1
        elif expected.startswith("new trace_id"):
            assert context is None, case
            judged += 1
    assert judged > 40


def test_a_context_survives_its_25_bytes_and_its_header() -> None:
    context = TraceContext(bytes(range(16)), bytes(range(8)), 1)
    assert TraceContext.unpack(context.pack()) == context
    assert parse_traceparent([context.header()]) == context


def test_the_root_span_of_a_run_can_be_named_by_whoever_knows_the_run() -> None:
    assert run_span_id("0" * 32) == run_span_id("0" * 32)
    assert run_span_id("0" * 32) != run_span_id("1" + "0" * 31)
    assert len(run_span_id("0" * 32)) == 8
