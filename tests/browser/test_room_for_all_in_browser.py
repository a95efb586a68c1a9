"""The room's pages for every reader: contrast by WCAG AA, and all of it by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("fastapi", reason="seawall[room] is not installed")

from room_look import Look

from room_server import Asker, serving
from seawall.app.serve_command import room_of

pytestmark = pytest.mark.browser

FAINT = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
LEVERS = quote('{"leverage_cap":{"cap":8}}')
# a page by its address, the button pressed on it, and what is there once it is complete
PAGES = {
    "overview": ("/overview", "", "td.long, td.short"),
    "map": ("/map", "", "#clusters td.num"),
    "stress": ("/stress", "", '#stressed[data-asked*="draws=64"] svg'),
    "run": ("/simulation", "Run", "#now tbody tr"),
    "comparison": (f"/simulation?runs=2&levers={LEVERS}", "Compare", "#comparison svg"),
    "positions": ("/desk", "", ".sheet[data-key='odds']"),
    "size": ("/desk?tool=size&row=1&paths=500&asked", "", "#result svg"),
    "stop": ("/desk?tool=stop&row=1&paths=500&asked", "", "#result svg"),
    "rescue": ("/desk?tool=rescue&asked", "", "#result .first"),
    "allocation": ("/desk?tool=allocate&asked", "", "#result svg"),
    "mistake": ("/desk?tool=size&probability=two&asked", "", "#field-probability[aria-invalid]"),
    "alerts": ("/alerts", "", ".notices li time"),
}


@pytest.fixture(scope="module")
def room() -> Iterator[Asker]:
    """As a newcomer opens it, complete before the first page is."""
    with serving(room_of(accounts=5_000, pace=60.0)) as asker:
        asker.until("/api/v1/watch", lambda w: w.get("warnings"))
        asker.until("/api/v1/books", lambda all_of: all(b["ready"] for b in all_of))
        yield asker


@pytest.fixture
def shown(look: Any) -> Any:
    """A page of :data:`PAGES` once nothing on it changes any more but for what is live."""

    def opened(page: str, scheme: str, width: int = 1400) -> Look:
        path, button, ready = PAGES[page]
        seen: Look = look(width, scheme, reduced_motion="reduce")
        seen.page.goto(seen.base + path)
        if button:
            seen.page.get_by_role("button", name=button, exact=True).click()
        seen.page.wait_for_selector(ready)
        seen.page.wait_for_selector(".state[data-on]")
        seen.until("() => !document.querySelector('[aria-busy=true]')")
        # the desk lays its positions out anew once their odds are known, whatever came before them
        seen.until(
            "() => location.pathname !== '/desk'"
            " || /^(With|No) odds/.test(document.getElementById('odds')?.textContent ?? '')"
        )
        return seen

    return opened


def assert_nothing_is_faint(seen: Look) -> None:
    """All of the page, unfolded, stands out; it stays unfolded."""
    seen.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = seen.page.evaluate(FAINT)
    assert found["seen"] > 40
    assert found["parts"] >= 2, "the track and the thumb of sliders"
    assert found["faint"] == []


@pytest.mark.parametrize("page", PAGES)
def test_text_marks_and_edges_of_controls_stand_out_in_the_dark(shown: Any, page: str) -> None:
    assert_nothing_is_faint(shown(page, "dark"))


def test_what_is_too_faint_is_found(shown: Any) -> None:
    seen = shown("overview", "light")
    # in one go: the tiles are made anew with each figure that the server tells
    faint = seen.page.evaluate(
        f"""() => {{
          document.querySelector("h1").style.color = "#999";
          document.querySelector("dt").style.opacity = 0.5;
          document.documentElement.style.setProperty("--up", "#33b58a");
          return (
            {FAINT}
          )();
        }}"""
    )["faint"]
    assert len(faint) == 4
    assert sum('"up"' in words for words in faint) == 2, "on the paper and on the ground"
    assert any("h1" in words and "rgb(153, 153, 153)" in words for words in faint)


# everything that takes a click or a key, but what a screen does not show
REACHABLE = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((n) => n.checkVisibility({ checkVisibilityCSS: true }) && !n.matches(":disabled, .skip"))
  .map((n, k) => { n.dataset.reach = k; return k; })"""
AT = """() => {
  const now = document.activeElement;
  if (!now || now === document.body || !("reach" in now.dataset)) return null;
  const s = getComputedStyle(now), top = document.querySelector(".top");
  const words = `${now.tagName} ${now.id} ${now.textContent.slice(0, 30)}`;
  return { reach: Number(now.dataset.reach), words,
    ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
    hidden: !top.contains(now)
      && now.getBoundingClientRect().bottom <= top.getBoundingClientRect().bottom };
}"""


@pytest.mark.parametrize("page", PAGES)
def test_everything_is_reached_by_tab_and_shows_it_in_the_light(shown: Any, page: str) -> None:
    seen = shown(page, "light")
    wanted = set(seen.page.evaluate(REACHABLE))
    assert len(wanted) > 8
    seen.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached: dict[int, dict[str, Any]] = {}
    for _ in range(2 * len(wanted) + 20):
        seen.page.keyboard.press("Tab")
        at = seen.page.evaluate(AT)
        if at is not None:
            reached[at["reach"]] = at
        if reached.keys() == wanted:
            break
    missed = [
        seen.page.evaluate("k => document.querySelector(`[data-reach='${k}']`)?.outerHTML", k)
        for k in sorted(wanted - reached.keys())
    ]
    assert missed == []
    assert [at["words"] for at in reached.values() if not at["ring"]] == []
    assert [at["words"] for at in reached.values() if at["hidden"]] == []
    seen.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    assert_nothing_is_faint(seen)
