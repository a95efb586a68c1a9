"""Write the expected numbers of the named scenarios again: ``python tests/golden/regenerate.py``.

New scenarios are written at once. Numbers that moved are listed, and written only with
``--because TEXT`` where TEXT stands under "Results changed" in the changelog: whoever meets other
results than before must be able to read why.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from golden.scenarios import SCENARIOS, Scenario, expected, gross, moved, results  # noqa: E402

CHANGELOG = HERE.parents[1] / "CHANGELOG.md"
SHOWN = 12


def results_changed(changelog: str) -> str:
    """The text of every "Results changed" section, one space between words."""
    sections = changelog.split("\n### ")
    chosen = (s for s in sections if s.startswith("Results changed"))
    return " ".join(" ".join(s.split("\n## ")[0].split()) for s in chosen)


def write(name: str, numbers: dict[str, Any], because: str) -> None:
    """One scenario's file: why its numbers are what they are, and the numbers."""
    text = json.dumps({"because": because, **numbers}, indent=1, allow_nan=False)
    # a list of plain values on one line: a file that can be read, and differences that are short
    text = re.sub(r"\[[^\[\]{}]+\]", lambda found: " ".join(found[0].split()), text)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def differences(name: str, scenario: Scenario) -> tuple[dict[str, Any], list[str] | None]:
    """A scenario's numbers now, and what moved; None where nothing was expected so far."""
    found = results(scenario)
    if not (HERE / f"{name}.json").exists():
        return found, None
    old = {k: v for k, v in expected(name).items() if k != "because"}
    return found, list(moved(old, found, 1e-15 * gross(scenario)))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--because", default="", help='a sentence under "Results changed"')
    because = " ".join(options.parse_args().because.split())
    if because and because not in results_changed(CHANGELOG.read_text(encoding="utf-8")):
        print('that sentence does not stand under "### Results changed" in CHANGELOG.md')
        return 2
    held_back = 0
    for name, scenario in SCENARIOS.items():
        found, lines = differences(name, scenario)
        if lines is None:
            write(name, found, "first")
            print(f"{name}: written")
        elif lines:
            print(f"{name}: {len(lines)} numbers moved", *lines[:SHOWN], sep="\n  ")
            if because:
                write(name, found, because)
            held_back += not because
    if held_back:
        print("nothing of that was written; run again with --because and a line of the changelog")
    return 1 if held_back else 0


if __name__ == "__main__":
    sys.exit(main())
