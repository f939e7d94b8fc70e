"""Problems over HTTP: every way to send one, who may see what, and what no archive may do."""

import base64
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from database import problems
from database.engine import Database
from evolution.folder import MOST_FILES
from galapagos.problem_folder import read_problem_folder
from server import archives
from tests.database.scene import toy_problem
from tests.database.test_views import small_run
from tests.server.conftest import CountServed, Team
from tests.server.test_failures import told

ROOT = Path(__file__).parents[2]
TOY = dict(toy_problem().files)
Pack = Callable[[Mapping[str, bytes]], bytes]


def tar(files: Mapping[str, bytes], mode: str = "w:gz", top: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
        for name, content in files.items():
            info = tarfile.TarInfo(top + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def as_json(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {"files": {path: {"base64": base64.b64encode(content).decode()} for path, content in files.items()}}


async def test_every_way_to_send_a_problem_gives_the_revision_of_the_command_line(team: Team) -> None:
    folder = ROOT / "problems" / "sort_integers"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    expected = read_problem_folder(folder).revision
    first = await team.member.post("/problems", content=tar(files), headers={"content-type": "application/gzip"})
    assert first.status_code == 201, first.text
    assert first.json()["revision"] == expected
    assert first.json()["new"]
    for content, kind in [
        (tar(files, "w"), "application/x-tar"),
        (tar(files, top="./"), "application/gzip"),
        (tar(files, top="sort_integers/"), "application/gzip"),
        (tar(files | {".git/config": b"x", "__pycache__/a.pyc": b"x"}), "application/gzip; charset=binary"),
        (zipped(files), "application/zip"),
    ]:
        again = await team.member.post("/problems", content=content, headers={"content-type": kind})
        assert (again.status_code, again.json()["revision"], again.json()["new"]) == (200, expected, False), kind
    again = await team.member.post("/problems", json=as_json(files))
    assert (again.status_code, again.json()["revision"]) == (200, expected)


async def test_a_problem_is_read_back(team: Team) -> None:
    text = {path: {"text": content.decode()} for path, content in TOY.items() if path != "data.bin"}
    sent = {"files": text | {"data.bin": {"base64": base64.b64encode(TOY["data.bin"]).decode()}}}
    uploaded = (await team.member.post("/problems", json=sent)).json()
    revision = uploaded["revision"]
    assert revision == toy_problem().revision
    found = (await team.viewer.get(f"/problems/{revision}")).json()
    assert found["definition"]["statement"] == "make x large"
    assert {item["path"]: item["bytes"] for item in found["files"]} == {path: len(content) for path, content in TOY.items()}
    assert found["projects"] == [1]
    for path, content in TOY.items():
        response = await team.viewer.get(f"/problems/{revision}/files/{path}")
        assert response.content == content
        assert response.headers["x-content-type-options"] == "nosniff"
    told(await team.viewer.get(f"/problems/{revision}/files/nothing.py"), 404)
    told(await team.viewer.get(f"/problems/{'0' * 64}"), 404)
    told(await team.viewer.get("/problems/xyz"), 400)


async def test_who_may_do_what_with_a_problem(team: Team) -> None:
    for client, status in [(team.viewer, 403), (team.worker, 403), (team.stranger, 403), (team.admin, 201), (team.root, 200)]:
        assert (await client.post("/problems", json=as_json(TOY))).status_code == status
    revision = toy_problem().revision
    told(await team.stranger.get(f"/problems/{revision}"), 404)
    told(await team.stranger.get(f"/problems/{revision}/files/judge.py"), 404)
    assert (await team.stranger.get("/problems")).json() == {"items": [], "next": None}
    told(await team.stranger.get("/problems?project=1"), 403)
    assert (await team.worker.get(f"/problems/{revision}/files/program.py")).status_code == 200
    assert "inspect" in told(await team.worker.get(f"/problems/{revision}/files/judge.py"), 403)["detail"]
    told(await team.root.post("/problems?project=77", json=as_json(TOY)), 404)


async def test_a_worker_is_not_told_of_hidden_stages(team: Team) -> None:
    stages = '[[stages]]\nname = "open"\n[[stages]]\nname = "secret"\nhidden = true\n'
    files = TOY | {"problem.toml": TOY["problem.toml"] + stages.encode()}
    revision = (await team.member.post("/problems", json=as_json(files))).json()["revision"]
    shown = [
        [stage["name"] for stage in (await client.get(f"/problems/{revision}")).json()["definition"]["stages"]]
        for client in (team.worker, team.viewer)
    ]
    assert shown == [["open"], ["open", "secret"]]


async def test_pages_of_problems(team: Team, served_statements: CountServed) -> None:
    for number in range(5):
        files = dict(toy_problem(f"statement {number}").files)
        assert (await team.member.post("/problems", json=as_json(files))).status_code == 201
    await team.viewer.get("/problems")
    costs: set[int] = set()
    seen: list[str] = []
    cursor: str | None = None
    while True:
        address = "/problems?limit=2" + (f"&cursor={cursor}" if cursor else "")
        with served_statements() as statements:
            page = (await team.viewer.get(address)).json()
        costs.add(len(statements))
        seen += [item["revision"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [toy_problem(f"statement {number}").revision for number in (4, 3, 2, 1, 0)]
    assert costs == {1}
    assert (await team.viewer.get("/problems?name=other")).json()["items"] == []
    for bad in ("AAAA", "eyJ9", "!!!!", "WzFd", base64.urlsafe_b64encode(b'["x",2,3]').decode()):
        assert told(await team.viewer.get(f"/problems?cursor={bad}"), 400)["errors"][0]["field"] == "query.cursor"


async def test_a_list_tells_what_came_of_each_problem(team: Team, database: Database) -> None:
    run = await small_run(database)
    problem = toy_problem(direction="minimize")
    async with database.begin() as connection:
        await problems.add(connection, 1, problem.revision)
    known = '[[known]]\nname = "a"\nvalue = 3.0\nsource = "s"\n[[known]]\nname = "b"\nvalue = 5.0\nsource = "s"\n'
    other = TOY | {"problem.toml": TOY["problem.toml"] + known.encode()}
    assert (await team.member.post("/problems", json=as_json(other))).status_code == 201
    newer, older = (await team.worker.get("/problems")).json()["items"]
    fields = ("direction", "runs", "best_run", "best_score", "best_known")
    assert [older[key] for key in fields] == ["minimize", 1, run, -3.0, None]
    assert [newer[key] for key in fields] == ["maximize", 0, None, None, 5.0]


async def test_a_folder_of_another_system(team: Team) -> None:
    folder = ROOT / "tests" / "peers" / "folders" / "openevolve_slope"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    response = await team.member.post(
        "/problems?name=openevolve_slope", content=tar(files), headers={"content-type": "application/gzip"}
    )
    found = response.json()
    assert found["revision"] == read_problem_folder(folder).revision
    assert found["translation"]["format"] == "openevolve"
    assert not found["score_isolated"]


def link(kind: bytes, target: str = "/etc/passwd") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("judge.py")
        info.type = kind
        info.linkname = target
        archive.addfile(info)
    return out.getvalue()


def zip_link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("judge.py")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def giant_header() -> bytes:
    """A tar whose only entry is a header that says that it takes 1 GiB, and does."""
    info = tarfile.TarInfo("x")
    info.type = tarfile.XHDTYPE
    info.size = 1 << 30
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed:
        packed.write(info.tobuf())
        for _ in range(1 << 6):
            packed.write(bytes(16 << 20))
    return out.getvalue()


REFUSED: dict[str, tuple[bytes, str, int]] = {
    "up": (tar({"../judge.py": b""}), "application/gzip", 422),
    "absolute": (tar({"/etc/cron.d/x": b""}), "application/gzip", 422),
    "backslash": (tar({"a\\b": b""}), "application/gzip", 422),
    "line end": (tar({"a\nb": b""}), "application/gzip", 422),
    "long name": (tar({"a" * 300: b""}), "application/gzip", 422),
    "deep": (tar({"a/" * 40 + "b": b""}), "application/gzip", 422),
    "file and folder": (tar({"a": b"", "a/b": b""}), "application/gzip", 422),
    "twice": (tar({"a": b"1", "./a": b"2"}), "application/gzip", 422),
    "zip up": (zipped({"../judge.py": b""}), "application/zip", 422),
    "symbolic link": (link(tarfile.SYMTYPE), "application/gzip", 422),
    "hard link": (link(tarfile.LNKTYPE), "application/gzip", 422),
    "device": (link(tarfile.CHRTYPE), "application/gzip", 422),
    "pipe": (link(tarfile.FIFOTYPE), "application/gzip", 422),
    "zip link": (zip_link(), "application/zip", 422),
    "empty": (b"", "application/gzip", 422),
    "broken gzip": (b"\x1f\x8bnothing", "application/gzip", 422),
    "cut tar": (tar(TOY)[:-30], "application/gzip", 422),
    "broken zip": (b"PK\x03\x04nothing", "application/zip", 422),
    "cut zip": (zipped(TOY)[:200], "application/zip", 422),
    "many files": (tar({f"f{number}": b"" for number in range(MOST_FILES + 1)}), "application/gzip", 413),
    "many in zip": (zipped({f"f{number}": b"" for number in range(MOST_FILES + 1)}), "application/zip", 413),
    "large": (tar({"zeros": bytes(65 << 20)}), "application/gzip", 413),
    "large in zip": (zipped({"zeros": bytes(65 << 20)}), "application/zip", 413),
    "nothing": (tar({}), "application/gzip", 422),
    "no problem": (tar({"readme": b"x"}), "application/gzip", 422),
    "no files": (b"{}", "application/json", 422),
    "no content": (b'{"files": {"a": {}}}', "application/json", 422),
    "no base64": (b'{"files": {"a": {"base64": "?"}}}', "application/json", 422),
    "nul": (b'{"files": {"a": {"text": "\\u0000", "more": 1}}}', "application/json", 422),
    "deep json": (b"[" * 100_000, "application/json", 422),
    "text": (b"x", "text/plain", 415),
}


async def test_archives_that_are_refused(team: Team) -> None:
    for name, (content, kind, status) in REFUSED.items():
        response = await team.member.post("/problems", content=content, headers={"content-type": kind})
        assert response.status_code == status, (name, response.text)
        assert len(told(response, status)["detail"]) < 3000, name
    assert (await team.member.get("/problems")).json()["items"] == []


def test_a_header_that_would_fill_the_memory_is_not_read() -> None:
    with pytest.raises(archives.TooMuch):
        archives.unpack_tar(giant_header())


FLAWS: dict[str, dict[str, bytes]] = {
    "deep toml": {"problem.toml": b"x = " + b"[" * 100_000},
    "unknown key": {"problem.toml": TOY["problem.toml"].replace(b"[score]", b"[score]\nunknown = 1")},
    "deep brackets": {"program.py": b"# EVOLVE-BLOCK-START\n" + b"(" * 5000 + b"\n# EVOLVE-BLOCK-END\n"},
    "deep minus": {"program.py": b"# EVOLVE-BLOCK-START\n" + b"-" * 60_000 + b"1\n# EVOLVE-BLOCK-END\n"},
    "open block": {"program.py": b"# EVOLVE-BLOCK-START\nx = 1\n"},
    "no text": {"program.py": b"\xff"},
}


async def test_problems_that_are_refused(team: Team) -> None:
    for name, changed in FLAWS.items():
        response = await team.member.post("/problems", json=as_json(TOY | changed))
        assert response.status_code == 422, (name, response.text)
        assert told(response, 422)["errors"], name


async def test_a_title_that_postgres_could_not_store(team: Team) -> None:
    files = TOY | {"problem.toml": TOY["problem.toml"].replace(b'title = "Toy"', b'title = "T\\u0000y"')}
    revision = (await team.member.post("/problems", json=as_json(files))).json()["revision"]
    assert (await team.viewer.get(f"/problems/{revision}")).json()["definition"]["title"] == "Ty"


async def test_settings_that_name_themselves_over_and_over(team: Team) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    folder = ROOT / "tests" / "peers" / "folders" / "openevolve_slope"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files["config.yaml"] = "\n".join(lines).encode()
    response = await team.member.post("/problems", json=as_json(files))
    assert response.status_code in {201, 422}
    assert len(response.content) < 100_000
