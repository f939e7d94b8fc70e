"""Problems in a real browser: submitted as a folder and as an archive, and looked at by whoever may."""

import io
import re
import tarfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service
from tests.galapagos.command import problem_folder
from tests.server.test_process import ROOT


def dropped(page: Page, path: Path) -> None:
    """Drop a folder or a file from the disk, as a hand does: no script could."""
    place = page.locator(".drop").bounding_box()
    assert place is not None
    session: Any = page.context.new_cdp_session(page)
    at = {"x": place["x"] + 20, "y": place["y"] + 20, "data": {"items": [], "files": [str(path)], "dragOperationsMask": 1}}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **at})
    session.detach()


def test_folders_and_archives_are_submitted_and_translated(reader: Reader, tmp_path: Path) -> None:
    page = reader("member", "/problems/new")
    folder = problem_folder(tmp_path / "chosen_hill")
    page.get_by_label("Folder", exact=True).set_input_files(folder)
    expect(page.get_by_role("heading", name=re.compile("It was stored|knew it already"))).to_be_visible()
    page.goto("/problems/new")
    (folder / "judge.py").unlink()
    page.get_by_label("Folder", exact=True).set_input_files(folder)
    expect(page.get_by_role("alert")).to_contain_text("judge.py")
    page.goto("/problems/new")
    dropped(page, problem_folder(tmp_path / "dropped_hill"))
    expect(page.get_by_role("heading", name=re.compile("It was stored|knew it already"))).to_be_visible()
    page.goto("/problems/new")

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(ROOT / "tests" / "peers" / "folders" / "openevolve_slope", "openevolve_slope")
    sent = {"name": "openevolve_slope.tar.gz", "mimeType": "application/gzip", "buffer": packed.getvalue()}
    page.get_by_label("Archive", exact=True).set_input_files(files=[sent])  # pyright: ignore[reportArgumentType]
    expect(page.get_by_text("Translated from a folder of openevolve")).to_be_visible()
    expect(page.get_by_text("scores are not isolated").first).to_be_visible()
    page.goto("/problems/new")
    (tmp_path / "problem.tar.gz").write_bytes(b"x")
    dropped(page, tmp_path / "problem.tar.gz")
    expect(page.get_by_role("alert")).to_contain_text("archive")


def test_who_may_not_submit_sees_no_way_to(reader: Reader, service: Service) -> None:
    with service.client() as client:
        revision = next(item.revision for item in client.problems() if item.name == "hill")
    for name in ("viewer", "worker"):
        page = reader(name, "/problems")
        row = page.locator("tr", has_text="hill ·")
        expect(row.get_by_text(f"run {service.run}")).to_be_visible()
        assert page.get_by_role("link", name="Submit a problem").count() == 0
        page.goto(f"/problems/{revision}")
        expect(page.get_by_role("heading", name="Best runs")).to_be_visible()
        expect(page.get_by_text("judge.py, in")).to_be_visible()
        assert page.get_by_role("button", name="Start a run").count() == 0
        assert (page.get_by_role("button", name="judge.py").count() == 1) is (name == "viewer")
