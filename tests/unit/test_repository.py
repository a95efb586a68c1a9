"""What every committed file must keep to."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import seawall

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "src" / "seawall"
PROJECT_FILE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = sorted((PROJECT / "requirements").glob("*.txt"))
NOT_OURS = {".git", ".venv", "site", "dist", "__pycache__", ".hypothesis"}

# joined here, so that this file does not name them either
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("crates", "io"),
        ("anaconda", "org"),
        ("golang", "org"),
        ("rubygems", "org"),
    )
]
MACHINE_PATH = re.compile(
    r"(?<![\w.~/])/(?:work|root|opt/(?:pypi|wheels)|home/\w|Users/\w|tmp/\w)[\w./-]*"
)


def committed() -> list[Path]:
    """Files under version control, or that would be; all of ours where git is not there."""
    if (PROJECT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
        paths = [PROJECT / name for name in listing.stdout.split("\0") if name]
        return [path for path in paths if path.is_file()]
    everything = (p for p in PROJECT.rglob("*") if p.is_file())
    return [p for p in everything if not NOT_OURS & set(p.relative_to(PROJECT).parts)]


FILES = committed()


def texts() -> list[tuple[str, str]]:
    """Name and content of each committed text file."""
    found = []
    for path in FILES:
        raw = path.read_bytes()
        if b"\0" not in raw:
            found.append((path.relative_to(PROJECT).as_posix(), raw.decode("utf-8")))
    return found


def test_no_file_names_a_package_registry() -> None:
    named = [(name, host) for name, text in texts() for host in REGISTRIES if host in text]
    assert named == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    found = [(name, m[0]) for name, text in texts() for m in MACHINE_PATH.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", ["/" + "work/x", "see /" + "root/.venv", "'/" + "home/ann'"])
def test_a_machine_path_is_recognised(path: str) -> None:
    assert MACHINE_PATH.search(path)


@pytest.mark.parametrize("text", ["src/seawall/work/x", "../tmp/a", "https://a.example/home/b"])
def test_other_paths_are_not_machine_paths(text: str) -> None:
    assert not MACHINE_PATH.search(text)


def test_no_market_data_is_committed(shared_data: Path) -> None:
    sizes = {p.stat().st_size for p in FILES}
    theirs = {
        hashlib.sha256(p.read_bytes()).hexdigest()
        for p in shared_data.rglob("*")
        if p.is_file() and p.stat().st_size in sizes and p.stat().st_size > 0
    }
    copied = [p.name for p in FILES if hashlib.sha256(p.read_bytes()).hexdigest() in theirs]
    assert copied == []


def test_no_committed_file_is_large() -> None:
    large = [p.relative_to(PROJECT).as_posix() for p in FILES if p.stat().st_size > 1_500_000]
    assert large == []


def quickstart(name: str) -> str:
    """The fenced block that stands right below the comment of that name in the README."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^<!-- quickstart:{name} -->\n```sh\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) == 1, f"the README has {len(blocks)} blocks below quickstart:{name}"
    return str(blocks[0])


@pytest.mark.parametrize(
    ("name", "pinned", "last"),
    [
        ("run", "room", "seawall demo"),
        ("tape", "all", "seawall tape rehearse"),
        ("test", "dev", "poe test"),
    ],
)
def test_readme_commands_stand_alone(name: str, pinned: str, last: str) -> None:
    block = quickstart(name)
    *before, final = block.rstrip("\n").split("\n")
    assert all(line.endswith("&&") for line in before), "not one command: join the lines by &&"
    assert f"--require-hashes --only-binary :all: -r requirements/{pinned}.txt" in block
    assert final.endswith(last)
    if shutil.which("bash"):
        assert subprocess.run(["bash", "-n", "-c", block], check=False).returncode == 0


def test_ci_runs_the_readme_commands() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "$(readme run)" in text
    assert "$(readme tape)" in text
    assert "$(readme test)" in text
    assert "poe check" in text


def test_links_of_the_front_pages_lead_somewhere() -> None:
    for page in PROJECT.glob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (PROJECT / target).exists(), f"{page.name} links to {target}"


def pins(path: Path) -> dict[str, str]:
    """Requirement lines of a compiled file, continuation joined, by package name."""
    joined = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    return {re.split(r"==| ", line, maxsplit=1)[0]: line for line in lines}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda p: p.name)
def test_requirements_are_pinned_with_hashes_and_without_addresses(path: Path) -> None:
    for name, line in pins(path).items():
        pin = r"[\w.-]+==[\w.!+]+( ; [^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+"
        assert re.fullmatch(pin, line.strip()), f"{path.name}: {name}"
    assert "://" not in path.read_text(encoding="utf-8")


def test_requirements_hold_what_the_project_file_asks_for() -> None:
    core, room, everything, dev = (
        pins(PROJECT / f"requirements/{name}.txt") for name in ("core", "room", "all", "dev")
    )

    def version(line: str) -> str:
        return line.split()[0]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[><=;~! ]", r)[0].lower().replace("_", "-") for r in requirements}

    project = PROJECT_FILE["project"]
    extras = project["optional-dependencies"]
    assert names(project["dependencies"]) | {"flit-core"} <= core.keys()
    for extra, asked in extras.items():
        assert names(asked) - {"seawall"} <= everything.keys(), extra
    for group in ("test", "lint", "docs"):
        assert names(PROJECT_FILE["dependency-groups"][group]) <= dev.keys(), group
    # what the page's every tool needs: a newcomer has it after the README's first command
    for extra in ("room", "econ", "portfolio"):
        assert names(extras[extra]) <= room.keys(), extra
    for smaller, larger in ((core, room), (room, everything), (everything, dev)):
        moved = [
            name for name, line in smaller.items() if larger[name].split()[0] != line.split()[0]
        ]
        assert moved == []


def test_the_core_stays_small() -> None:
    assert len(pins(PROJECT / "requirements" / "core.txt")) <= 24


def test_the_version_is_said_once() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[([\d.]+)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert PROJECT_FILE["project"]["version"] == seawall.__version__ == newest[1]


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    program = f"from flit_core.buildapi import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("seawall/")}
        licences = [name for name in archive.namelist() if "/licenses/" in name]
    files = (p for p in SOURCE.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    assert packed == {f"seawall/{p.relative_to(SOURCE).as_posix()}" for p in files}
    assert {Path(name).name for name in licences} == {"LICENSE", "NOTICE"}


MODULES = sorted(SOURCE.rglob("*.py"))


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "util", "common", "helpers", "helper", "misc", "manager"}
    named = {part for path in MODULES for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert named & empty == set()


def test_modules_and_functions_stay_readable() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, f"{path.relative_to(PROJECT)} is too long"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno
                assert length <= 100, f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"
