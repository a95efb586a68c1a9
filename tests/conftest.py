"""What all tests share: the real market data, a browser, hypothesis' settings."""

from __future__ import annotations

import compileall
import functools
import os
import shutil
from pathlib import Path

import pytest
import typer.main
import typer.testing
from hypothesis import HealthCheck, settings

import seawall

PROJECT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

settings.register_profile(
    "seawall",
    deadline=None,
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("seawall")

# typer builds all commands anew at each call, a twentieth of a second that a process spends once
typer.main.get_command = functools.cache(typer.main.get_command)
vars(typer.testing).update(_get_command=typer.main.get_command)


def pytest_configure(config: pytest.Config) -> None:
    """See that the tests meet this checkout, and compile it: pip does not, and starts are timed."""
    installed = Path(seawall.__file__).resolve().parent
    if installed != PROJECT / "src" / "seawall":
        raise pytest.UsageError(
            f"seawall is installed as a copy in {installed}, so the tests would not meet this "
            "checkout; run the README's second command, which installs it editable"
        )
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(str(installed), quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need something from outside the project by the fixture they ask for."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if "shared_data" in asked:
            item.add_marker("data")
        if "chromium" in asked:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real market data: ``$SEAWALL_DATA``, or ``shared/data`` beside the project."""
    named = os.environ.get("SEAWALL_DATA")
    folder = Path(named) if named else PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real market data: {folder} is not a folder (name one by SEAWALL_DATA)")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that can run without a display."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    return found
