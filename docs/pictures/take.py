"""Take docs/pictures/report.png, the picture of README: the top of the demo's report. Run by scripts/pictures."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1200, 1290
SHORT = """
main { display: grid; grid-template-columns: 1fr 1fr; gap: 0 24px }
#verdict { grid-column: 1 / -1 } #verdict h2 { margin-top: 1.2rem }
nav, footer, section, #verdict h3, #verdict > .soft, .facts, .why, figcaption, .menus { display: none }
section:not(#verdict) > :is(h2, p) { display: none }
#verdict, #returns, #calibration, #correlations, #lesson-slope { display: block; min-width: 0 }
figure:has([data-picture=slope]) { display: none }
"""
"""Styles that leave the verdict's points to act on and four of the pictures, two beside each other."""


def take(report: Path, picture: Path) -> None:
    """Open the report and keep its top as a PNG."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.wait_for_selector("html[data-drawn=all]")
        page.add_style_tag(content=SHORT)
        page.evaluate("window.dispatchEvent(new Event('resize'))")
        page.wait_for_timeout(1500)  # Plotly waits for the end of a resize
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
