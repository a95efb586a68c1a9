"""Draw docs/images/report.png: the top of the demo's page, as a reader sees it.

Run it from the project's folder with ``python docs/images/make.py``; ``--accounts`` makes it
quicker. It needs Chromium and playwright, and shrinks the picture to 256 colours if Pillow is
installed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from seawall.app import api
from seawall.report.page import write_html

TARGET = Path(__file__).with_name("report.png")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1440, 1000
MOST_BYTES = 250_000


def picture(page_file: Path, target: Path) -> None:
    """The top of a page at 1440 x 1000, light."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_file.as_uri())
        page.wait_for_selector("svg")
        page.evaluate(ONLY_TELLING)
        bottom = page.locator("figure.chart").first.bounding_box()
        height = HEIGHT if bottom is None else round(bottom["y"] + bottom["height"]) + 24
        page.set_viewport_size({"width": WIDTH, "height": height})
        page.wait_for_timeout(300)
        page.screenshot(path=target, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        opened.close()


# the answer, the tiles and the first map; what stands between them is for readers of the page
ONLY_TELLING = """() => {
  for (const table of document.querySelectorAll('[data-key="record"]')) {
    table.closest('section').hidden = true;
  }
  for (const box of document.querySelectorAll('.warnings, .warning, .callout')) box.hidden = true;
}"""


def shrink(target: Path) -> None:
    """256 colours are enough for flat ones."""
    try:
        from PIL import Image
    except ImportError:
        return
    with Image.open(target) as full:
        few = full.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(target, optimize=True)


def main() -> None:
    """Run the demo, draw its page, check the size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=500_000)
    accounts = options.parse_args().accounts
    with tempfile.TemporaryDirectory() as folder:
        made, _ = api.demo(accounts=accounts)
        picture(write_html(made, Path(folder) / "demo.html"), TARGET)
    shrink(TARGET)
    size = TARGET.stat().st_size
    sys.stdout.write(f"{TARGET}: {size:,} bytes\n")
    if size > MOST_BYTES:
        sys.exit(f"more than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main()
