"""Three files are a venue's live feed: its rules, its adapter, and how it speaks when rehearsed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seawall.core.registry import PLUGINS
from seawall.ingest.wire.adapter import Adapter
from seawall.ingest.wire.venues import ADAPTERS
from seawall.rulebook.rules import BUNDLE

VENUE = """
[venue]
title = "Tidepool"
aliases = ["tide"]
contract_types = ["linear"]
quote = "USDT"
linear = "{base}_{quote}"
linear_dated = "{base}_{quote}_{expiry}"
examples = ["BTC_USDT"]
brackets_of = "generic"
brackets_of_reason = "made up"
source = "made up"

[[feed]]
effective_from = 2020-01-01
channel = "closings"
coverage = "all"
side = "position"
price = "fill"
quantity = "base"
identified = "own"
text = "Every closing"
source = "made up"
"""

ADAPTER = '''
"""Tidepool: every closing, one a message."""

from collections.abc import Sequence

import msgspec

from seawall.ingest.wire.adapter import OTHER, Adapter, Control, Link, Raw, Said
from seawall.ingest.wire.context import Context
from seawall.ingest.wire.event import WireEvent


class _Message(msgspec.Struct):
    ok: bool = False
    id: str = ""
    name: str = ""
    long: bool = False
    px: float = 0.0
    coins: float = 0.0
    ms: int = 0


_message = msgspec.json.Decoder(_Message)


class Tidepool(Adapter):
    """The channel of all closings."""

    venue = "tidepool"
    channel = "closings"

    def links(self, assets: Sequence[str] | None, instruments: Sequence[str]) -> list[Link]:
        """One connection."""
        return [Link(self.venue, "wss://tidepool.example/feed", ('{"want":"closings"}',))]

    def _events(self, raw: Raw, context: Context) -> list[WireEvent]:
        said = _message.decode(raw)
        contract = context.contract(said.name) if said.id else None
        if contract is None:
            return []
        side = 1 if said.long else -1
        return [context.closed(contract, said.ms, side, said.px, base=said.coins, own=said.id)]

    def _control(self, raw: Raw) -> Control:
        return Control(Said.ACK) if _message.decode(raw).ok else OTHER
'''

SPEECH = '''
"""How Tidepool speaks."""

import json

from seawall.ingest.rehearsal.speech import Speech, load, need


class Tidepool(Speech):
    """A closing a message."""

    venue = "tidepool"

    def path_ok(self, path):
        """Its only one."""
        return path == "/feed"

    def hear(self, frame, topics):
        """The subscription."""
        need("want" in load(frame), "wants nothing")
        topics.add(load(frame)["want"])
        return ['{"ok":true}']

    def tell(self, some):
        """One closing."""
        (c,) = some
        said = {"id": str(c.number), "name": c.asset + "_USDT", "long": c.side > 0}
        return json.dumps(said | {"px": c.price, "coins": c.quantity, "ms": c.time_ms})
'''

COMMAND = [sys.executable, "-c", "from seawall.app.cli import main; main()", "tape", "rehearse"]


@pytest.fixture
def dropped(tmp_path: Path) -> Path:
    files = {"rules/tidepool/venue.toml": VENUE, "plugins/venues/tidepool.py": ADAPTER}
    files["plugins/speeches/tidepool.py"] = SPEECH
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    shutil.copy(BUNDLE / "generic" / "rules.toml", tmp_path / "rules" / "tidepool")
    return tmp_path


def rehearsed(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command where the plug-ins are; they are read as the process starts."""
    env = {**os.environ, PLUGINS: str(folder / "plugins"), "SEAWALL_RULES": str(folder / "rules")}
    command = [*COMMAND, "--length", "1s", "--format", "json", *options]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_venue_dropped_in_is_recorded(dropped: Path) -> None:
    done = rehearsed(dropped, "--venue", "tide,okx")
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["sound"]
    assert {v["venue"]: v["stored"] for v in got["by_venue"]} == {"tidepool": 50, "okx": 50}


def test_a_rulebook_that_is_not_whole_says_so(dropped: Path) -> None:
    (dropped / "rules/tidepool/rules.toml").unlink()
    done = rehearsed(dropped, "--venue", "tidepool")
    assert done.returncode == 2
    assert "rulebook tidepool" in done.stderr
    assert "[[rules]]" in done.stderr


def test_one_that_is_not_whole_says_what_is_missing(dropped: Path) -> None:
    path = dropped / "plugins/venues/tidepool.py"
    path.write_text(
        path.read_text().replace("def _control", "def control_").replace("channel =", "way =")
    )
    done = rehearsed(dropped)
    assert done.returncode == 2
    assert "adapter tidepool" in done.stderr
    assert "no _control, channel" in done.stderr
    path.write_text(ADAPTER.replace('venue = "tidepool"', 'venue = "puddle"'))
    done = rehearsed(dropped)
    assert done.returncode == 2
    assert "puddle" in done.stderr


def test_what_every_venue_must_say_is_abstract() -> None:
    assert Adapter.__abstractmethods__ == {"links", "_events", "_control"}
    with pytest.raises(TypeError, match="abstract"):
        Adapter()  # type: ignore[abstract]
    for name, adapter in ADAPTERS.items():
        assert adapter.venue == name
        # who asks for contracts or for the past also reads the answer
        for asks, reads in (("listing", "_listing"), ("missed", "_missed")):
            own = [getattr(type(adapter), m) is not getattr(Adapter, m) for m in (asks, reads)]
            assert own in ([True, True], [False, False]), (name, asks)
