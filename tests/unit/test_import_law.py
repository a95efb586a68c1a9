"""The staircase of imports holds, and would be seen to break."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "src" / "seawall"
STAIRCASE = "The staircase: imports go down, never up, never sideways"
DOOR = "Only _jit opens the door to numba"
CORE = "core knows the standard library and numpy only"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over ``root/seawall`` with the project's contracts."""
    program = "import sys; sys.path.insert(0, 'here'); from importlinter.cli import lint_imports"
    program += (
        "; sys.exit(lint_imports(config_filename='pyproject.toml', no_cache=True, no_logo=True))"
    )
    (root / "pyproject.toml").write_text((PROJECT / "pyproject.toml").read_text())
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package that a test may spoil: the folder that holds ``here/seawall``."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE, tmp_path / "here" / "seawall", ignore=ignored)
    return tmp_path


def test_contracts_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("importer", "statement", "contract"),
    [
        ("core", "import seawall.margin", STAIRCASE),
        ("margin", "import seawall.liquidity", STAIRCASE),
        ("risk", "import seawall.ingest", STAIRCASE),
        ("report", "def late():\n    import seawall.app", STAIRCASE),
        ("risk", "import numba", DOOR),
        ("core", "import pydantic", CORE),
    ],
)
def test_a_breach_is_named(copy: Path, importer: str, statement: str, contract: str) -> None:
    (copy / "here" / "seawall" / importer / "breach.py").write_text(statement + "\n")
    done = lint(copy)
    assert done.returncode != 0
    broken = [line for line in done.stdout.splitlines() if line.startswith(contract)]
    assert broken, done.stdout + done.stderr
    assert broken[0].endswith("BROKEN")


def test_a_folder_outside_the_staircase_is_refused(copy: Path) -> None:
    (copy / "here" / "seawall" / "landing").mkdir()
    (copy / "here" / "seawall" / "landing" / "__init__.py").write_text("")
    done = lint(copy)
    assert done.returncode != 0
    assert "landing" in done.stdout + done.stderr


def imported(path: Path) -> Iterator[str]:
    """Full names that a file imports, wherever in it the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports by relative name"
            yield node.module or ""


def test_core_knows_the_standard_library_and_numpy_only() -> None:
    """The contract lists what is forbidden; this lists what is allowed."""
    for path in sorted((SOURCE / "core").rglob("*.py")):
        for name in imported(path):
            top = name.partition(".")[0]
            allowed = top in sys.stdlib_module_names or top == "numpy"
            assert allowed or name.startswith("seawall.core"), f"{path.name} imports {name}"


def test_every_folder_of_the_package_has_its_place() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    found = {p.parent.name for p in SOURCE.glob("*/__init__.py")} | {
        p.stem for p in SOURCE.glob("*.py") if p.stem != "__init__"
    }
    assert found == placed
