"""What can be said of a problem's mutation vocabulary before a run."""

import ast
import builtins

from evolution.language import LANGUAGES, Language
from evolution.problem import Definition, Problem
from evolution.words import WordError, read_word


def vocabulary_complaints(definition: Definition) -> list[str]:
    """Why mutation could not use the vocabulary, a line for each word; empty if it can."""
    words = definition.mutation.vocabulary
    if words and definition.language is not Language.PYTHON:
        title = LANGUAGES[definition.language].title
        return [
            f"mutation.vocabulary: expected none in a problem in {title}, got {len(words)} words; "
            "words are Python expressions, so remove them (docs/mutation.md says what mutation does without)"
        ]
    complaints: list[str] = []
    for text in words:
        try:
            read_word(text)
        except WordError as error:
            complaints.append(str(error))
    return complaints


def vocabulary_warnings(problem: Problem) -> list[str]:
    """Words that mutation can never insert into the seed, because it defines no such name. The words must be readable."""
    if not problem.definition.mutation.vocabulary:
        return []
    known = set(dir(builtins)).union(*(_names(text) for text in problem.seed_files.values()))
    missing = {text: sorted(read_word(text).needs - known) for text in problem.definition.mutation.vocabulary}
    return [
        f"the word {text!r} of mutation.vocabulary needs {', '.join(names)}, which the seed program does not define: it is "
        "not inserted; import or define it outside of the EVOLVE-BLOCKs, or correct the word"
        for text, names in missing.items()
        if names
    ]


def _names(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
    return found
