"""Packages made to hurt the machine that installs them: whatever they hold stays in the folder of the environment."""

import asyncio
import base64
import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from evaluators import environments
from evaluators.environments import Environments, ResolutionError
from evaluators.sandbox import Packages
from evolution.problem import Environment

_METADATA = "Metadata-Version: 2.1\nName: galapagos-hostile\nVersion: 1.0\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _wheel(folder: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> None:
    """A wheel `galapagos-hostile` with these members; `links` are members that say they are symbolic links to a target."""
    info = "galapagos_hostile-1.0.dist-info"
    content = {"hostile.py": b"x = 1\n", **members, f"{info}/METADATA": _METADATA.encode(), f"{info}/WHEEL": _WHEEL.encode()}
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in content.items())
    with zipfile.ZipFile(folder / "galapagos_hostile-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all the installer knows."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return folder


def _prepare(tmp_path: Path) -> Packages:
    return asyncio.run(Environments(tmp_path / "cache").prepare(Environment(packages=("galapagos-hostile",))))


def _install(tmp_path: Path) -> Path | None:
    """The environment's folder of packages; None where the wheel was refused."""
    try:
        packages = _prepare(tmp_path)
    except ResolutionError:
        assert [path.suffix for path in (tmp_path / "cache" / "environments").iterdir()] == [".lock"]
        return None
    assert packages.candidate is not None
    return packages.candidate


def test_an_honest_wheel_is_installed(wheels: Path, tmp_path: Path) -> None:
    _wheel(wheels, {"more/data.txt": b"x"})
    site = _install(tmp_path)
    assert site is not None
    assert (site / "hostile.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("way", ["../" * 3, "../" * 12, "more/../../../../", ""])
def test_no_file_is_written_outside(wheels: Path, tmp_path: Path, way: str) -> None:
    name = f"outside-{tmp_path.name}.py"
    target = f"{way}{name}" if way else str(tmp_path / name)
    _wheel(wheels, {target: b"left = 1\n"})
    site = _install(tmp_path)
    found = [Path(folder) / name for folder, _, files in os.walk(tmp_path) for file in files if file == name]
    assert [path for path in found if site is None or not path.is_relative_to(site)] == []
    assert not (Path("/") / name).exists()
    assert not (tmp_path.parent / name).exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../../../etc/passwd", "/"])
def test_no_link_leads_outside(wheels: Path, tmp_path: Path, target: str) -> None:
    _wheel(wheels, {}, {"link.txt": target})
    site = _install(tmp_path)
    if site is not None:
        leading = [path for path in site.rglob("*") if not path.resolve().is_relative_to(site)]
        assert leading == []


def test_a_file_that_unpacks_without_end(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LARGEST_FILE", 4 << 20)
    _wheel(wheels, {"bomb.txt": bytes(64 << 20)})
    with pytest.raises(ResolutionError, match="ended at a file of more than 4 MiB"):
        _prepare(tmp_path)
    sizes = [(Path(folder) / file).stat().st_size for folder, _, files in os.walk(tmp_path) for file in files]
    assert max(sizes) <= 4 << 20
    assert [path.suffix for path in (tmp_path / "cache" / "environments").iterdir()] == [".lock"]


def test_files_that_leave_no_room(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LEAST_FREE", 1 << 60)
    monkeypatch.setattr(environments, "_LOOK_S", 0.001)
    _wheel(wheels, {f"bomb/{number}.txt": bytes(1 << 20) for number in range(64)})
    with pytest.raises(ResolutionError, match="make room there"):
        _prepare(tmp_path)
    assert [path.suffix for path in (tmp_path / "cache" / "environments").iterdir()] == [".lock"]
