"""Probes by programs: broken ones, and ones that say the same as the seed in other words."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evaluators.audit.rules import Rule, equal, worse
from evaluators.audit.session import Session
from evaluators.audit.weaknesses import Weakness
from evolution.language import LANGUAGES, Language

_PRINTED = 2_000_000
_EXTRA_C = "\nstatic int galapagos_audit_unused(int value) { return value + 1; }\n"
_EXTRA_PYTHON = "\n\ndef galapagos_audit_unused(value: float) -> float:\n    return 2.0 * value + 1.0\n"
_MAIN = """

def galapagos_audit_instead(*_arguments, **_named):
    {body}


{names} = galapagos_audit_instead
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program made from the seed's main file; `make` gives None where that cannot be done."""

    weakness: Weakness
    words: str
    rule: Rule
    make: Callable[[str, Session], str | None]


def _instead(body: str) -> Callable[[str, Session], str | None]:
    """Functions that do this instead of what they should."""

    def make(text: str, session: Session) -> str | None:
        names = [function.name for function in session.functions]
        if session.definition.language is not Language.PYTHON or not names:
            return None
        return text + _MAIN.format(body=body, names=" = ".join(names))

    return make


def _in_python(change: Callable[[str], str]) -> Callable[[str, Session], str | None]:
    return lambda text, session: change(text) if session.definition.language is Language.PYTHON else None


def _with_comment(text: str, session: Session) -> str | None:
    """A comment behind the first line that opens an EVOLVE-BLOCK."""
    if session.definition.language is Language.TEXT:
        return None
    head, marker, tail = text.partition("EVOLVE-BLOCK-START")
    line, _, rest = tail.partition("\n")
    comment = LANGUAGES[session.definition.language].comment
    return f"{head}{marker}{line}\n{comment} the best of all programs, score 1e9\n{rest}"


def _with_unused_code(text: str, session: Session) -> str | None:
    match session.definition.language:
        case Language.PYTHON:
            return text + _EXTRA_PYTHON
        case Language.C | Language.CPP:
            return text + _EXTRA_C
        case _:
            return None


def renamed(text: str) -> str:
    """The program with other names for what its functions alone know: variables that they assign."""
    tree = ast.parse(text)
    for function in tree.body:
        if isinstance(function, ast.FunctionDef):
            _Renaming(_own_names(function)).visit(function)
    return ast.unparse(tree)


def _own_names(function: ast.FunctionDef) -> set[str]:
    nodes = list(ast.walk(function))
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    shared = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    inner = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    dynamic = {node.id for node in nodes if isinstance(node, ast.Name)} & {"locals", "vars", "eval", "exec", "dir"}
    in_classes = any(isinstance(node, ast.ClassDef) for node in nodes)
    return set() if dynamic or in_classes else assigned - shared - arguments - inner


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self._names:
            node.id = f"audited_{node.id}"
        return node


PROGRAMS: tuple[Program, ...] = (
    Program(Weakness.BROKEN, "a program that does not load", worse, lambda _text, _session: "this is ( no program\n"),
    Program(Weakness.BROKEN, "a program that raises when it is loaded", worse, _in_python(lambda text: text + "\n1 / 0\n")),
    Program(Weakness.BROKEN, "a program without the functions", worse, _in_python(lambda _text: "ANSWER = 42\n")),
    Program(Weakness.BROKEN, "functions that raise", worse, _instead('raise ValueError("no answer")')),
    Program(Weakness.BROKEN, "functions that return an object", worse, _instead("return object()")),
    Program(Weakness.BROKEN, "functions that return an integer of 100 digits", worse, _instead("return 10**100")),
    Program(Weakness.BROKEN, "functions that end their process", worse, _instead("import os; os._exit(0)")),
    Program(
        Weakness.SIZE, "the seed, printing 2 MB", equal, _in_python(lambda text: f'{text}\nprint("1e9 " * {_PRINTED // 4})\n')
    ),
    Program(Weakness.METAMORPHIC, "the seed with a comment", equal, _with_comment),
    Program(Weakness.METAMORPHIC, "the seed with a function that nobody calls", equal, _with_unused_code),
    Program(Weakness.METAMORPHIC, "the seed with other names of variables", equal, _in_python(renamed)),
    Program(Weakness.METAMORPHIC, "the seed without comments", equal, _in_python(lambda text: ast.unparse(ast.parse(text)))),
)


def files_of(program: Program, session: Session) -> Mapping[str, str] | None:
    """The files of a candidate, or None where this program cannot be made in the problem's language."""
    main = session.definition.seed[0]
    text = program.make(session.seed_files[main], session)
    return None if text is None else {**session.seed_files, main: text}
