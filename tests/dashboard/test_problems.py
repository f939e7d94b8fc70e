"""Problems in a real browser: submitted as a folder and as an archive, and looked at by whoever may."""

import io
import re
import tarfile
from pathlib import Path

from playwright.sync_api import expect

from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service
from tests.galapagos.command import problem_folder
from tests.server.test_process import ROOT


def test_folders_and_archives_are_submitted_and_translated(reader: Reader, tmp_path: Path) -> None:
    page = reader("member", "/problems/new")
    folder = problem_folder(tmp_path / "chosen_hill")
    page.get_by_label("Folder", exact=True).set_input_files(folder)
    expect(page.get_by_role("heading", name=re.compile("It was stored|knew it already"))).to_be_visible()
    page.goto("/problems/new")
    (folder / "judge.py").unlink()
    page.get_by_label("Folder", exact=True).set_input_files(folder)
    expect(page.get_by_role("alert")).to_contain_text("judge.py")

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(ROOT / "tests" / "peers" / "folders" / "openevolve_slope", "openevolve_slope")
    sent = {"name": "openevolve_slope.tar.gz", "mimeType": "application/gzip", "buffer": packed.getvalue()}
    page.get_by_label("Archive", exact=True).set_input_files(files=[sent])  # pyright: ignore[reportArgumentType]
    expect(page.get_by_text("Translated from a folder of openevolve")).to_be_visible()
    expect(page.get_by_text("scores are not isolated").first).to_be_visible()
    # What is dropped goes the same way; a browser lets no script drop a folder.
    page.goto("/problems/new")
    expect(page.locator(".drop")).to_be_visible()
    page.evaluate(
        """() => {
            const given = new DataTransfer();
            given.items.add(new File(["x"], "problem.tar.gz"));
            document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true }));
        }"""
    )
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
