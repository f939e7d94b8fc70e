"""Folders of other systems at the command line: import, check, run, and the mark of their scores."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from database.models_file import load_models
from evolution.run import Budget, RunConfig
from galapagos.adaption import adapted, models_toml
from galapagos.failures import Failure
from galapagos.from_python import evolve
from tests.galapagos.command import galapagos
from tests.peers.judged import FOLDERS, opened

KEYS = {"OPENAI_API_KEY": "sk-one", "SLOW_KEY": "sk-two"}


def test_import_shows_each_key_once_and_what_it_becomes() -> None:
    shown = galapagos("import", FOLDERS / "openevolve_slope")
    assert shown.code == 0, shown.err
    assert "a folder of OpenEvolve: evaluator.py judges initial_program.py in the same box: score not isolated" in shown.out
    (line,) = [line for line in shown.out.splitlines() if line.split()[:1] == ["colour"]]
    assert line.split()[1] == "unknown"
    answer = galapagos("import", FOLDERS / "codeevolve_fit", "--json").answer
    assert (answer["format"], answer["score_isolated"], answer["score"]) == ("codeevolve", False, "balance")
    keys = [row["key"] for row in answer["keys"]]
    assert len(keys) == len(set(keys)) > 10


def test_import_refuses_what_is_no_such_folder(tmp_path: Path) -> None:
    for problem, said in (("circle_packing_26", "is a problem of ours already"), (tmp_path, "expected a file problem.toml")):
        refused = galapagos("import", problem)
        assert refused.code == 2
        assert said in refused.err


def test_a_run_takes_limit_and_seed_from_the_settings_and_marks_its_scores_everywhere(tmp_path: Path) -> None:
    ended = galapagos("run", FOLDERS / "codeevolve_fit", "--data", tmp_path, "--json", timeout=280)
    assert ended.code == 0, ended.err
    answer = ended.answer
    assert (answer["evaluations"], answer["seed"], answer["score_isolated"]) == (8, 5, False)
    assert "score not isolated |" in ended.err, "in the lines of the live progress"
    assert "ignored keys: " in ended.err
    assert "API_KEY is not set: no model is asked; children are made by mutation and tuning" in ended.err
    assert "score not isolated" in Path(answer["report"]).read_text()
    exported = galapagos("export", 1, "--data", tmp_path, "--json").answer
    rows = [json.loads(line) for line in Path(exported["file"]).read_text().splitlines()]
    assert {row["score_isolated"] for row in rows} == {False}
    assert galapagos("show", 1, "--data", tmp_path, "--json").answer["score_isolated"] is False
    assert galapagos("runs", "--data", tmp_path, "--json").answer["runs"][0]["score_isolated"] is False


def test_check_scores_the_initial_program_and_names_what_is_ignored() -> None:
    checked = galapagos("check", FOLDERS / "openevolve_slope", "--json")
    assert checked.code == 0, checked.err
    assert checked.answer["score_isolated"] is False
    assert any("unknown keys: colour" in text for text in checked.answer["warnings"])


def test_a_language_that_only_models_can_change_needs_one(tmp_path: Path) -> None:
    refused = galapagos("run", FOLDERS / "shinka_poem", "--data", tmp_path)
    assert refused.code == 2
    assert "mutation and tuning do not know the language of initial.txt: name a model with --model" in refused.err


def test_options_go_before_the_settings_of_the_folder() -> None:
    folder = opened("openevolve_slope")
    own = adapted(folder, RunConfig(), None, frozenset(), {})
    assert (own.config.budget.evaluations, own.config.islands, own.config.inspirations, own.seed) == (24, 3, 3, 11)
    given = RunConfig(budget=Budget(seconds=5), islands=1)
    kept = adapted(folder, given, 7, frozenset({"seconds", "islands"}), {})
    assert (kept.config.budget, kept.config.islands, kept.seed) == (given.budget, 1, 7)


def test_models_are_asked_only_with_their_keys(tmp_path: Path) -> None:
    folder = opened("openevolve_slope")
    assert adapted(folder, RunConfig(), None, frozenset(), {}).models == ()
    found = adapted(folder, RunConfig(), None, frozenset(), KEYS)
    assert [(choice.name, choice.weight) for choice in found.config.models] == [("quick/model", 0.75), ("slow-model", 0.25)]
    file = tmp_path / "models.toml"
    file.write_text(models_toml(found.models))
    assert tuple(load_models(file).values()) == found.models
    assert "sk-" not in file.read_text()
    with pytest.raises(Failure, match="have no price, so --budget cannot hold"):
        adapted(folder, RunConfig(budget=Budget(micro_dollars=5)), None, frozenset(), KEYS)


def test_an_address_of_models_in_the_environment_is_needed_where_the_system_has_it_there() -> None:
    folder = opened("codeevolve_fit")
    assert adapted(folder, RunConfig(), None, frozenset(), {"API_KEY": "k"}).models == ()
    both = {"API_KEY": "k", "API_BASE": "https://models.example.org/v1"}
    found = adapted(replace(folder, notes=()), RunConfig(), None, frozenset(), both)
    assert {model.base_url for model in found.models} == {"https://models.example.org/v1"}


def test_from_python_a_folder_gives_a_result_with_the_mark(tmp_path: Path) -> None:
    result = evolve(FOLDERS / "shinka_dice", evaluations=3, seed=1, data=tmp_path)
    assert result.score_isolated is False
    assert result.evaluations == 3
    assert result.seed_score is not None
    assert list(result.files) == ["peer/initial.py"]
