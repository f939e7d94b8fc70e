"""The table of languages in the documentation is the one in the code, and the example in C++ works as it stands."""

import asyncio
import re
from pathlib import Path

from evaluators.check import check_problem
from evolution.evaluation import Tier
from evolution.language import LANGUAGES
from evolution.problem import problem_from_files

PAGE = (Path(__file__).parents[2] / "docs" / "problem-format.md").read_text()
SECTION = PAGE.partition("## Languages\n")[2].partition("\n## ")[0]


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" if word else "any" for word in words)


def test_the_table_of_languages_is_that_of_the_code() -> None:
    rows = [
        f"| `{language.value}` | {traits.title} | {_quoted(traits.suffixes)} | `{traits.comment}` | "
        f"{f'`{traits.compiler.program}`' if traits.compiler else 'none'} | "
        f"{'mutation and tuning' if traits.mutates else 'nothing: name a model'} | "
        f"{f'`{traits.compiler.install}` ' if traits.compiler else ''}|"
        for language, traits in LANGUAGES.items()
    ]
    head, *shown = re.findall(r"^\| `\w+` .*$", SECTION, re.MULTILINE)
    assert head.startswith("| `language` |")
    assert shown == rows


def test_the_words_of_each_compiler_are_those_of_the_code() -> None:
    shown = " ".join(SECTION.split())
    for traits in LANGUAGES.values():
        if traits.compiler is not None:
            sources = "MAIN_FILE" if traits.compiler.main_only else "SOURCES"
            words = (traits.compiler.program, *traits.compiler.flags, sources, *traits.compiler.libraries)
            assert " ".join(words) in shown
            assert f"`{traits.compiler.export}`" in shown or traits.compiler.export == "not static"


def test_the_example_in_cpp_is_scored(tmp_path: Path) -> None:
    blocks = re.findall(r"^`([\w.]+)`:\n\n((?:    .*\n|\n)+)", SECTION, re.MULTILINE)
    files = {name: re.sub(r"^    ", "", text, flags=re.MULTILINE).encode() for name, text in blocks}
    assert sorted(files) == ["judge.py", "problem.toml", "sums.cpp"]
    report = asyncio.run(check_problem(problem_from_files(files), Tier.NAMESPACES, tmp_path))
    assert report.usable, report.errors
    assert report.verify is not None
    assert report.verify.score is not None
