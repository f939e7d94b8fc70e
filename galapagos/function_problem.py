"""A problem made of two Python functions: one that evolves and one that judges."""

import ast
import builtins
import inspect
import json
import symtable
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any

from evolution.problem import DEFINITION, ProblemError

ALWAYS_THERE = frozenset({"numpy", "galapagos_judge", *sys.stdlib_module_names})

_JUDGE_END = """

_judge = {name}


def evaluate(candidate, context):
    result = _judge({arguments})
    return result if isinstance(result, dict) else {{"score": result}}
"""


def function_problem(
    function: Callable[..., Any],
    judge: Callable[..., Any],
    *,
    minimize: bool = False,
    packages: Sequence[str] = (),
    timeout_s: float = 10.0,
    vocabulary: Sequence[str] = (),
) -> dict[str, bytes]:
    """The files of a problem in which `function` is evolved, with what it uses of its module, and `judge` scores it.

    `judge(candidate)` or `judge(candidate, context)` calls the evolved function by `candidate.call("its_name", ...)`
    and returns a number, or the dictionary that docs/problem-format.md describes. Both functions are taken as source
    text and run elsewhere, so they may use modules, functions and classes of their own file, and constants, but
    no objects that exist in this process only.

    Raises:
        ProblemError: source that cannot be found, or a use of something that cannot be taken along.
    """
    seed = _Source(function, packages)
    judging = _Source(judge, packages)
    parameters = list(inspect.signature(judge).parameters)
    if len(parameters) not in {1, 2}:
        raise ProblemError(f"the judge {judge.__name__} must take (candidate) or (candidate, context); it takes {parameters}")
    body = seed.body if "EVOLVE-BLOCK-START" in seed.body else f"# EVOLVE-BLOCK-START\n{seed.body}\n# EVOLVE-BLOCK-END\n"
    ending = _JUDGE_END.format(name=judge.__name__, arguments="candidate, context" if len(parameters) == 2 else "candidate")
    name = (
        "".join(character if character.isalnum() else "_" for character in function.__name__.lower()).strip("_") or "function"
    )
    return {
        DEFINITION: _definition(name, function, minimize, packages, timeout_s, vocabulary).encode(),
        "program.py": (seed.imports + body).encode(),
        "judge.py": (judging.imports + judging.body + ending).encode(),
    }


def _definition(
    name: str,
    function: Callable[..., Any],
    minimize: bool,
    packages: Sequence[str],
    timeout_s: float,
    vocabulary: Sequence[str],
) -> str:
    statement = inspect.getdoc(function) or f"Improve the function {function.__name__}."
    lines = [
        f"name = {_toml(name[:64])}",
        f"title = {_toml(function.__name__)}",
        f"statement = {_toml(statement)}",
        'seed = ["program.py"]',
        "[score]",
        f"direction = {_toml('minimize' if minimize else 'maximize')}",
        "[[stages]]",
        'name = "score"',
        f"timeout_s = {float(timeout_s)!r}",
        "[environment]",
        f"packages = {_toml(list(packages))}",
        f"judge_packages = {_toml(list(packages))}",
        "[mutation]",
        f"vocabulary = {_toml(list(vocabulary))}",
    ]
    return "\n".join(lines) + "\n"


def _toml(value: str | list[str]) -> str:
    """JSON strings and lists of them are TOML too, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class _Source:
    """The text of a function and of all that it uses of its own module, uses before users."""

    def __init__(self, function: Callable[..., Any], packages: Sequence[str]) -> None:
        if not isinstance(function, FunctionType):
            raise ProblemError(f"expected a plain Python function, got {type(function).__name__}; wrap it into one")
        self._function = function
        self._importable = ALWAYS_THERE | {_module_of(package) for package in packages}
        self._imports: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        self._add(function.__name__, function, function.__globals__)
        # Annotations may name types that stay behind, so they must not be evaluated.
        self.imports = "\n".join(["from __future__ import annotations", "", *sorted(self._imports.values())]).rstrip() + "\n\n"
        self.body = "\n\n".join(self._parts.values())

    def _add(self, name: str, value: Any, scope: Mapping[str, Any]) -> None:
        source = _source_of(value)
        self._parts[name] = ""
        for used in sorted(_global_names(source)):
            if used not in self._parts and used not in self._imports:
                self._take(used, scope, name)
        del self._parts[name]
        self._parts[name] = source

    def _take(self, name: str, scope: Mapping[str, Any], user: str) -> None:
        if name not in scope:
            if not hasattr(builtins, name):
                raise ProblemError(f"{user} uses {name!r}, which is defined nowhere in its module; define or import it there")
            return
        value = scope[name]
        if isinstance(value, ModuleType):
            alias = "" if value.__name__ == name else f" as {name}"
            self._import(f"import {value.__name__}{alias}", value.__name__, name, user)
        elif inspect.isfunction(value) or inspect.isclass(value):
            self._take_definition(name, value, scope, user)
        elif _is_literal(value):
            self._parts[name] = f"{name} = {value!r}"
        elif getattr(value, "__module__", None) and getattr(sys.modules.get(value.__module__), name, None) is value:
            self._import(f"from {value.__module__} import {name}", value.__module__, name, user)
        else:
            raise ProblemError(
                f"{user} uses {name!r}, a {type(value).__name__} that exists in this process only; the function runs elsewhere "
                "from its text alone: make the object within the function, or give a problem folder instead"
            )

    def _take_definition(self, name: str, value: Any, scope: Mapping[str, Any], user: str) -> None:
        if value.__module__ == self._function.__module__ and value.__name__ == name:
            self._add(name, value, scope)
        else:
            self._import(f"from {value.__module__} import {value.__name__} as {name}", value.__module__, name, user)

    def _import(self, line: str, module: str, name: str, user: str) -> None:
        if module.partition(".")[0] not in self._importable:
            raise ProblemError(
                f"{user} uses {name!r} of the module {module!r}, which the sandbox does not have: it has the standard library, "
                "numpy and what packages=[...] names; name its package there, or copy the code into the same file"
            )
        self._imports[name] = line.removesuffix(f" as {name}") if line.endswith(f" import {name} as {name}") else line


def _module_of(package: str) -> str:
    name = package
    for mark in "[<>=!~ ;":
        name = name.partition(mark)[0]
    return name.replace("-", "_")


def _source_of(value: Any) -> str:
    try:
        source = textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):
        raise ProblemError(
            f"the source of {getattr(value, '__name__', value)!r} cannot be found; define it in a file (not at a prompt), or "
            "give a problem folder"
        ) from None
    if isinstance(value, FunctionType) and value.__name__ == "<lambda>":
        raise ProblemError("expected a function made with def, got a lambda: it has no text of its own")
    if isinstance(value, FunctionType) and value.__closure__:
        raise ProblemError(
            f"{value.__name__} uses variables of the function around it ({', '.join(value.__code__.co_freevars)}); move "
            "it to the module"
        )
    return source


class _WithoutAnnotations(ast.NodeTransformer):
    """Annotations are never run, so what they name need not be taken along."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _global_names(source: str) -> set[str]:
    """Names that a definition takes from its module or from the builtins, its own name left out."""
    tree = ast.fix_missing_locations(_WithoutAnnotations().visit(ast.parse(source)))
    top = symtable.symtable(ast.unparse(tree), "source", "exec")
    defined = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    names: set[str] = set()
    waiting = [top]
    while waiting:
        table = waiting.pop()
        names |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (symbol.is_global() or table is top)
        }
        waiting += table.get_children()
    return names - defined


def _is_literal(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False
