"""Takes the pictures of docs/dashboard.md from a service that runs: each view in light and dark, and at a phone's width.

They are WebP, a third as large as PNG.

python -m benchmarks.dashboard_pictures --url http://127.0.0.1:8765 --token gal_... --run 1
"""

import argparse
import base64
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from galapagos import Client

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
MODES = {"light": (1280, 860), "dark": (1280, 860), "phone": (360, 780)}
SETTLE_MS = 1_500
QUALITY = 88
MOST_COMPARED = 3
TALLEST = 2_400
"""Pixels of a page that a picture shows at most."""


def views(run: int, program: int, problem: str, compared: Sequence[int]) -> dict[str, str]:
    """The views by the names of their pictures, and where they are."""
    return {
        "runs": "/",
        "run": f"/runs/{run}",
        "archive": f"/runs/{run}/archive",
        "lineage": f"/runs/{run}/lineage",
        "program": f"/runs/{run}/programs/{program}",
        "compare": f"/compare?runs={','.join(map(str, compared))}",
        "problems": "/problems",
        "problem": f"/problems/{problem}",
        "submit": "/problems/new?by=form",
        "spend": "/spend",
        "fleet": "/fleet",
    }


def shot(page: Page, path: Path) -> Path:
    """Take one picture, of the whole page as far as it is shown."""
    width, height = page.evaluate("[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]")
    part = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1}
    session = page.context.new_cdp_session(page)
    wanted = {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": part}
    path.write_bytes(base64.b64decode(session.send("Page.captureScreenshot", wanted)["data"]))
    session.detach()
    return path


def take(browser: Browser, url: str, token: str, run: int, folder: Path) -> list[Path]:
    """Take all pictures; returns where they lie."""
    with Client(url, token) as client:
        shown, best = client.run(run), client.best(run)
        others = [line.id for line in client.runs(problem=shown.revision) if line.id != run]
    places = views(run, best.number if best else 0, shown.revision, [run, *others[:MOST_COMPARED]])
    taken: list[Path] = []
    for mode, (width, height) in MODES.items():
        scheme = "dark" if mode == "dark" else "light"
        context = browser.new_context(base_url=url, viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.goto("/")
        page.wait_for_selector("form")
        page.wait_for_timeout(SETTLE_MS / 3)
        taken.append(shot(page, folder / f"sign-in-{mode}.webp"))
        page.goto(f"/#token={token}")
        page.reload()
        page.wait_for_selector("header.top")
        for name, path in places.items():
            page.goto(path)
            page.wait_for_selector("main h1")
            page.wait_for_function("() => document.querySelector('.skeleton') === null")
            page.wait_for_timeout(SETTLE_MS)
            taken.append(shot(page, folder / f"{name}-{mode}.webp"))
        context.close()
    return taken


def main() -> int:
    """Take the pictures of a service and say where they lie."""
    parser = argparse.ArgumentParser(description="Take the pictures of the dashboard.")
    parser.add_argument("--url", default="http://127.0.0.1:8765")
    parser.add_argument("--token", required=True)
    parser.add_argument("--run", type=int, required=True, help="a run worth a picture")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    place = shutil.which("chromium")
    if place is None:
        print("expected the program chromium; run: sudo apt-get install -y chromium", file=sys.stderr)
        return 2
    given.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])
        for path in take(browser, given.url, given.token, given.run, given.folder):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
