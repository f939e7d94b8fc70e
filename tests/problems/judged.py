"""Programs of a built-in problem, judged in the real sandbox; and a problem's own modules, imported as in its box."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

from evaluators.cascade import Candidate, judge
from evaluators.sandbox import Packages, Sandbox, open_sandbox
from evolution.evaluation import Outcome, Purpose, Tier
from evolution.problem import Problem
from galapagos.problem_folder import read_problem_folder

ROOT = Path(__file__).parents[2]
PROBLEMS = ROOT / "problems"
RED_TEAM = Path(__file__).parent / "red_team"
SECRET = b"a secret for tests, 32 bytes long"


def built_in(name: str) -> Problem:
    return read_problem_folder(PROBLEMS / name)


def red_team(name: str) -> dict[str, str]:
    texts = {path.stem: path.read_text() for path in sorted((RED_TEAM / name).iterdir()) if path.is_file()}
    assert texts
    return texts


@asynccontextmanager
async def slot(problem: Problem) -> AsyncIterator[Sandbox]:
    sandbox = open_sandbox(Tier.NAMESPACES, problem, Packages())
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.close()


async def outcome_of(
    sandbox: Sandbox, problem: Problem, text: str, purpose: Purpose = Purpose.SEARCH, secret: bytes = SECRET
) -> Outcome:
    files = {problem.definition.seed[0]: text}
    return (await judge(sandbox, problem, Candidate(files, purpose, secret))).outcome


def module_of(problem: str, file: str) -> ModuleType:
    """Import a module of the problem's folder as the judge's box would."""
    for folder in (PROBLEMS / problem, ROOT / "evaluators" / "harness"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    name = f"{problem}_{file}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, PROBLEMS / problem / f"{file}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
