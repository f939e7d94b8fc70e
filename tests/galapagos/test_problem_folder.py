from pathlib import Path

import pytest

from evolution.problem import ProblemError
from galapagos import problem_folder
from galapagos.problem_folder import built_in_problems, find_problem_folder, read_problem_folder

TOML = 'name = "tiny"\ntitle = "Tiny"\nstatement = "s"\nseed = ["p.py"]\n'
SEED = "# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "tiny"
    (place / "data").mkdir(parents=True)
    (place / "problem.toml").write_text(TOML)
    (place / "p.py").write_text(SEED)
    (place / "judge.py").write_text("def evaluate(candidate, context): ...\n")
    (place / "data" / "table.csv").write_text("1,2\n")
    return place


def test_every_file_is_read_but_caches_and_hidden_ones(folder: Path) -> None:
    before = read_problem_folder(folder).revision
    for hidden in ("__pycache__", ".git", ".galapagos"):
        (folder / hidden).mkdir()
        (folder / hidden / "file").write_text("noise")
    (folder / ".DS_Store").write_text("noise")
    problem = read_problem_folder(folder)
    assert sorted(problem.files) == ["data/table.csv", "judge.py", "p.py", "problem.toml"]
    assert problem.revision == before


def test_a_change_anywhere_is_another_revision(folder: Path) -> None:
    before = read_problem_folder(folder).revision
    (folder / "data" / "table.csv").write_text("1,3\n")
    assert read_problem_folder(folder).revision != before


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (folder / "data" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ProblemError, match=r"data/link.*link to .*secret"):
        read_problem_folder(folder)


def test_links_to_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "more").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(ProblemError, match=r"more: .*link"):
        read_problem_folder(folder)


def test_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_folder, "MOST_BYTES", 100)
    (folder / "big.bin").write_bytes(b"x" * 101)
    with pytest.raises(ProblemError, match=r"big\.bin"):
        read_problem_folder(folder)
    (folder / "big.bin").unlink()
    monkeypatch.setattr(problem_folder, "MOST_BYTES", 10_000)
    monkeypatch.setattr(problem_folder, "MOST_FILES", 3)
    with pytest.raises(ProblemError, match="at most 3 files"):
        read_problem_folder(folder)


def test_a_problem_is_found_by_name_or_path(folder: Path) -> None:
    assert find_problem_folder(folder) == folder
    for built_in in built_in_problems():
        assert find_problem_folder(built_in.name) == built_in
        assert read_problem_folder(built_in).definition.name == built_in.name


@pytest.mark.parametrize("name", ["circle_packing_27", "problem.toml", "../nowhere"])
def test_what_cannot_be_found_is_said(name: str, folder: Path) -> None:
    with pytest.raises(ProblemError, match=r"expected a folder with a problem\.toml"):
        find_problem_folder(folder / name if name == "problem.toml" else name)
