"""Problems in a real browser: submitted by form, folder and archive, looked at, checked, and runs of them started."""

import io
import re
import tarfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Reader
from tests.dashboard.service import Service
from tests.galapagos.command import problem_folder
from tests.server.test_process import ROOT

HOSTILE = "<img src=x onerror=window.attacked=1>\u202e slope"


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_problem_is_written_stored_checked_and_run(reader: Reader, service: Service) -> None:
    page = reader("member")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.get_by_role("link", name="Submit a problem").first.click()
    button(page, "Form")
    page.get_by_label("Name", exact=True).fill("Not A Name")
    page.get_by_label("Title").fill(HOSTILE)
    page.get_by_label("Statement").fill("Find the number.\nIt is near three.")
    page.get_by_label("Seconds for one judgement").fill("soon")
    button(page, "Submit the problem")
    expect(page.get_by_text("2 fields are wrong.")).to_be_visible()
    expect(page.locator(".field", has=page.get_by_label("Name", exact=True)).locator(".wrong")).to_contain_text("Not A Name")
    expect(page.locator(".field", has_text="Seconds for one judgement").locator(".wrong")).to_contain_text("soon")
    page.get_by_label("Name", exact=True).fill(f"slope_{time.time_ns()}")
    page.get_by_label("Seconds for one judgement").fill("5")
    button(page, "Submit the problem")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE.replace("\u202e", "⟨202e⟩"))
    expect(page.get_by_role("heading", name="It was stored")).to_be_visible()
    expect(page.get_by_text("evaluate(), once, up to 5.0 s each")).to_be_visible()
    assert page.evaluate("window.attacked") is None
    button(page, "program.py")
    expect(page.get_by_role("dialog").locator("pre")).to_contain_text("return 1.0")
    page.keyboard.press("Escape")
    button(page, "Check the seed")
    seed = page.locator(".tile", has=page.get_by_text("The seed", exact=True))
    expect(seed.locator(".value")).to_have_text("-4.84000", timeout=20_000)

    button(page, "Start a run")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Evaluations", exact=True).fill("many")
    button(page, "Start the run")
    expect(dialog.locator(".wrong").first).to_contain_text("many")
    dialog.get_by_label("Evaluations", exact=True).fill("1,000")
    dialog.get_by_text("All other choices").click()
    expect(dialog.get_by_label("In flight")).to_have_value("32")
    dialog.get_by_label("Islands", exact=True).fill("2")
    dialog.get_by_label("Random seed").fill("11")
    dialog.get_by_label("Strategy").select_option("greedy")
    button(page, "Start the run")
    page.wait_for_url("**/runs/*")
    number = int(page.url.rpartition("/")[2])
    with service.client() as client:
        run = client.run(number)
        assert (run.seed, run.config.islands, run.config.strategy, run.config.budget.evaluations) == (11, 2, "greedy", 1000)
        client.stop(number)


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
        page.set_viewport_size({"width": 360, "height": 780})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
