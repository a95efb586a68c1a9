"""Mutated messages: nothing leaves a decoder but the one counted error."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seawall.ingest.wire
from seawall.ingest.wire.adapter import Request
from seawall.ingest.wire.context import Context, MalformedMessageError
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook import Rules

SAMPLES = Path(seawall.ingest.wire.__file__).parent / "samples"
RULES = Rules.bundled()
RAW = {
    v: [m["raw"] for part in ("messages", "control", "answers") for m in s[part]]
    for v, s in ((v, json.loads((SAMPLES / f"{v}.json").read_text())) for v in ADAPTERS)
}
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**40,
    1e308,
    -0.0,
    "",
    "nan",
    "-inf",
    "1e999",
    "0x10",
    "ZZZ",
    "\x00",
    "9" * 400,
    [],
    {},
    [[]],
    {"a": 1},
    [None],
]


CONTEXTS = {v: a.context(RULES) for v, a in ADAPTERS.items()}


def context_of(venue: str) -> Context:
    context = CONTEXTS[venue]
    context.begin(1_790_000_000_000_000_000)
    return context


def try_all(venue: str, raw: bytes | str) -> int:
    """Decode a message every way there is; returns how often it was called malformed."""
    adapter, context, bad = ADAPTERS[venue], context_of(venue), 0
    try:
        for event in adapter.parse(raw, context):
            assert event.side in (1, -1)
            for number in (event.price, event.quantity, event.notional):
                assert 0 < number < math.inf
            assert 0 < event.time < 2**63
            assert 0 < event.event_id < 2**64
    except MalformedMessageError:
        bad += 1
    adapter.control(raw)
    body = json.dumps({"type": "x", "user": "0x1", "startTime": 1, "endTime": 2})
    request = Request("u", (("start_timestamp", "1"),), body)
    for read in (
        lambda: adapter.parse_listing(raw, request),
        lambda: adapter.parse_missed(raw, request, context),
    ):
        try:
            read()
        except MalformedMessageError:
            bad += 1
        except NotImplementedError:
            pass  # the venue is never asked
    return bad


def places(value: Any, path: tuple = ()) -> list[tuple]:
    found = [path]
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def changed(value: Any, path: tuple, odd: Any, drop: bool) -> Any:
    if not path:
        return odd
    key, *rest = path
    copy = value.copy()
    if rest or not drop:
        copy[key] = changed(value[key], tuple(rest), odd, drop)
    else:
        del copy[key]
    return copy


@pytest.mark.parametrize("venue", sorted(ADAPTERS))
def test_every_field_replaced_by_something_odd(venue: str) -> None:
    for raw in RAW[venue]:
        try:
            value = json.loads(raw)
        except ValueError:
            continue
        for path in places(value):
            for odd in ODD:
                text = json.dumps(changed(value, path, odd, drop=False))
                try_all(venue, text)
            if path:
                try_all(venue, json.dumps(changed(value, path, None, drop=True)))


@st.composite
def mutated(draw: st.DrawFn, venue: str) -> bytes:
    raw = bytearray(draw(st.sampled_from(RAW[venue])).encode())
    for _ in range(draw(st.integers(1, 6))):
        if not raw:
            break
        at = draw(st.integers(0, len(raw) - 1))
        how = draw(st.integers(0, 4))
        if how == 0:
            raw[at] = draw(st.integers(0, 255))
        elif how == 1:
            del raw[at : at + draw(st.integers(1, 20))]
        elif how == 2:
            raw[at:at] = draw(st.binary(min_size=1, max_size=12))
        elif how == 3:
            raw[at:at] = draw(st.sampled_from([b"1e999", b"NaN", b"null", b"{", b"]", b'"', b"-"]))
        else:
            del raw[at:]
    return bytes(raw)


@pytest.mark.parametrize("venue", sorted(ADAPTERS))
@settings(max_examples=300)
@given(data=st.data())
def test_mutated_bytes_raise_nothing_else(venue: str, data: st.DataObject) -> None:
    raw = data.draw(mutated(venue))
    try_all(venue, raw)
    if venue == "htx":
        packed = bytearray(gzip.compress(raw))
        at = data.draw(st.integers(0, len(packed) - 1))
        packed[at] ^= data.draw(st.integers(0, 255))
        try_all(venue, bytes(packed))


@pytest.mark.parametrize("venue", sorted(ADAPTERS))
@settings(max_examples=100)
@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_anything_at_all_raises_nothing_else(venue: str, raw: bytes | str) -> None:
    try_all(venue, raw)


@pytest.mark.parametrize("venue", sorted(ADAPTERS))
def test_garbage_is_malformed_and_deep_nesting_too(venue: str) -> None:
    assert try_all(venue, b"\xff\xfe not json") >= 1
    assert try_all(venue, b"[" * 100_000) >= 1
    assert try_all(venue, b'{"data":' * 50_000) >= 1


def test_a_small_frame_cannot_unpack_into_all_memory() -> None:
    bomb = gzip.compress(b" " * 64 * 1024 * 1024)
    with pytest.raises(MalformedMessageError, match="too large"):
        ADAPTERS["htx"].parse(bomb, context_of("htx"))


def test_names_of_instruments_do_not_fill_the_memory() -> None:
    context = context_of("bybit")
    for k in range(25_000):
        context.contract(f"X{k}USDT")
    assert len(context._contracts) <= 20_000
