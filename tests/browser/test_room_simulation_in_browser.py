"""The simulation page in a real browser: run, scrub, compare, cancel, come back by address."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look, printed

from room_server import Asker
from seawall.report import numbers as n
from seawall.report.model import Unit

pytestmark = pytest.mark.browser
LEVER = "%7B%22leverage_cap%22%3A%7B%22cap%22%3A8%7D%7D"


def tiles(seen: Look, where: str) -> dict[str, str]:
    found: dict[str, str] = seen.page.evaluate(
        "where => Object.fromEntries([...document.querySelectorAll(`${where} .tile`)].map("
        "t => [t.querySelector('dt').textContent, t.querySelector('dd').firstChild.textContent]))",
        where,
    )
    return found


def run_of(seen: Look) -> Look:
    """Press Run and wait for what comes of it."""
    seen.page.get_by_role("button", name="Run", exact=True).click()
    seen.page.wait_for_selector("#now tbody tr")
    return seen


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1400, 3840])
def test_the_page_loads_without_complaint(look: Any, scheme: str, width: int) -> None:
    seen = run_of(look(width, scheme).at(f"/simulation?levers={LEVER}", "#lever-leverage_cap"))
    seen.page.wait_for_selector(".state[data-on]")
    assert seen.complaints == []
    assert seen.hosts == {urlsplit(seen.base).netloc}
    assert seen.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_run_shows_the_commands_numbers(look: Any, tmp_path: Path) -> None:
    seen = run_of(look().at("/simulation?scenario=price-jump&seed=3", "#lever-leverage_cap"))
    told = printed(tmp_path, "simulate", "price-jump", "--seed", "3")
    measures, shown = told["measures"], tiles(seen, "#played")
    assert shown["Liquidated"] == n.text(measures["forced_usd"], Unit.USD)
    assert shown["Accounts liquidated"] == n.text(measures["accounts_forced"], Unit.COUNT)
    assert shown["Worst minute"] == n.text(measures["peak_minute_usd"], Unit.USD)
    assert shown["Cascade multiplier"] == n.text(told["paired"]["cascade_multiplier"], Unit.FACTOR)
    assert set(told["answer"]) <= set(seen.page.locator("#played > p").all_inner_texts())
    with seen.page.expect_download() as kept:
        seen.page.locator("#played .figure").nth(1).get_by_role("button", name="CSV").click()
    lines = Path(kept.value.path()).read_text().splitlines()
    assert lines[0].startswith("Time since the start,Longs,Shorts,binance_usdm,bybit,hyperliquid")
    assert len(lines) == 241


def test_scrubbing_tells_every_venue_at_that_moment(look: Any) -> None:
    seen = run_of(look().at("/simulation?scenario=price-jump", "#lever-leverage_cap"))
    slider = seen.page.locator("#played .scrub input")
    slider.focus()
    seen.page.keyboard.press("Home")
    before = seen.page.locator("#now tbody").inner_text()
    assert seen.page.locator("#played .now h3").inner_text().startswith("At 0:")
    for _ in range(48):
        seen.page.keyboard.press("ArrowRight")
    after = seen.page.locator("#now tbody").inner_text()
    assert before != after
    price = [float(r.split("\t")[1].replace(",", "")) for r in (before.splitlines()[0],
             after.splitlines()[0])]  # fmt: skip
    assert price[1] < 0.99 * price[0]
    # nobody was deleveraged: a sentence, and no empty chart
    assert "Nothing in this run." in seen.page.locator("#played").inner_text()
    # all charts over time point at the same moment as the slider
    at = seen.page.locator("#played .figure .tip b").all_inner_texts()
    assert len(at) == 3
    assert len(set(at)) == 1
    seen.page.select_option("#asset", "ETH")
    seen.until("() => location.search.includes('asset=ETH')")
    assert seen.page.locator("#now tbody").inner_text() != after


def test_an_address_restores_run_levers_and_moment(look: Any) -> None:
    first = run_of(look().at(f"/simulation?seed=5&levers={LEVER}", "#lever-leverage_cap"))
    first.page.locator("#played .scrub input").focus()
    first.page.keyboard.press("Home")
    for _ in range(7):
        first.page.keyboard.press("ArrowRight")
    first.until("() => location.search.includes('at=7')")
    seen = look()
    seen.page.goto(first.page.url)
    seen.page.wait_for_selector("#now tbody tr")
    assert seen.page.locator("#lever-leverage_cap").is_checked()
    assert seen.page.locator("#leverage_cap-cap").input_value() == "8"
    assert seen.page.locator("#seed").input_value() == "5"
    words = seen.page.locator("#now tbody").inner_text()
    assert words == first.page.locator("#now tbody").inner_text()


def test_a_run_that_the_server_forgot_is_made_again(look: Any) -> None:
    seen = look().at("/simulation?seed=2&run=forgotten", "#now tbody tr")
    assert parse_qs(urlsplit(seen.page.url).query)["run"] != ["forgotten"]


def test_a_safeguard_is_compared_as_on_the_command_line(look: Any, tmp_path: Path) -> None:
    seen = look().at("/simulation?scenario=price-jump&seed=1&runs=3", "#lever-leverage_cap")
    button = seen.page.get_by_role("button", name="Compare")
    assert button.is_disabled()
    seen.page.check("#lever-leverage_cap")
    seen.page.fill("#leverage_cap-cap", "12")
    seen.page.keyboard.press("Tab")
    button.click()
    seen.page.wait_for_selector("#comparison")
    # the page's own file and command give the same
    words = seen.page.locator(".file").text_content()
    assert words.startswith("# reform.toml")
    text, commands = words.split("\n\nseawall simulate")
    (tmp_path / "reform.toml").write_text(text)
    command = re.search(r"seawall (compare .*)", commands)
    assert command is not None
    told = printed(tmp_path, *command[1].split(), "--workers", "1")
    change = told["differences"]["forced_usd"]["change"]
    assert change["mean"] < 0
    assert tiles(seen, "#comparison")["Liquidated: change"] == n.text(change["mean"], Unit.USD)
    note = seen.page.locator("#comparison .tile").first.inner_text()
    ends = [n.text(change[k], Unit.USD) for k in ("low", "high")]
    assert f"95%: {ends[0]} … {ends[1]}" in note
    job = parse_qs(urlsplit(seen.page.url).query)["compare"][0]
    by_api = seen.page.evaluate(
        "job => fetch(`/api/v1/jobs/${job}/result`).then(r => r.json())", job
    )
    assert by_api["differences"] == told["differences"]
    assert by_api["inputs"] == told["inputs"]
    assert seen.complaints == []


def test_a_run_is_cancelled(look: Any, room: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes on until it is cancelled: none is over before the page was looked at."""
    jobs = room.app.state.jobs

    def endless(say: Any) -> Any:
        while True:
            say("50%")
            time.sleep(0.01)

    plain = jobs.ask
    monkeypatch.setattr(jobs, "ask", lambda command, _, client: plain(command, endless, client))
    seen = look().at("/simulation?scenario=november-2025", "#lever-leverage_cap")
    seen.page.get_by_role("button", name="Run", exact=True).click()
    cancel = seen.page.get_by_role("button", name="Cancel").first
    cancel.wait_for()
    seen.until("() => document.querySelector('.task progress:not([hidden])')?.value === 50")
    cancel.click()
    seen.until("() => document.querySelector('.task [role=status]').textContent === 'Cancelled.'")
    assert seen.page.get_by_role("button", name="Run", exact=True).is_enabled()


def test_a_setting_that_cannot_be_is_told(look: Any) -> None:
    seen = look().at("/simulation", "#lever-leverage_cap")
    seen.page.check("#lever-leverage_cap")
    seen.page.fill("#leverage_cap-cap", "-2")
    seen.page.keyboard.press("Tab")
    seen.page.get_by_role("button", name="Compare").click()
    alert = seen.page.locator(".task [role=alert]:not([hidden])")
    alert.wait_for()
    assert "levers.leverage_cap.cap" in alert.inner_text()


def test_each_chart_can_be_kept(look: Any) -> None:
    seen = run_of(look().at("/simulation?scenario=price-jump", "#lever-leverage_cap"))
    figures = seen.page.locator("#played .figure")
    assert figures.count() >= 5
    for k in range(figures.count()):
        assert figures.nth(k).get_by_role("button", name="CSV").count() == 1
        assert figures.nth(k).get_by_role("button", name="PNG").count() == 1
    with seen.page.expect_download() as kept:
        figures.first.get_by_role("button", name="CSV").click()
    lines = Path(kept.value.path()).read_text().splitlines()
    assert lines[0] == "second,market,change,depth,long_usd,short_usd"
    with seen.page.expect_download() as kept:
        figures.first.get_by_role("button", name="PNG").click()
    assert Path(kept.value.path()).read_bytes().startswith(b"\x89PNG")
