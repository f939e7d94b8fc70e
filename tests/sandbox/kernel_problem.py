"""A matrix product in C or Python, timed beside a reference: the problem that the clock is tested with."""

from pathlib import Path

from evaluators.sandbox import Job
from evolution.evaluation import Purpose
from evolution.problem import Limits, Problem, problem_from_files

KERNELS = Path(__file__).parent / "kernels"
_JUDGE = """
import numpy as np
from galapagos_judge import Rejected
from galapagos_timing import InPlace, Output, require_accuracy

N, K, M = 96, 128, 160

def evaluate(candidate, context):
    return of(candidate.compare("matmul", *parts(context), runs=5))

def quickly(candidate, context):
    return of(candidate.compare("matmul", *parts(context), runs=1))

def never(candidate, context):
    return of(candidate.compare("matmul", *parts(context), runs=0))

def returned(candidate, context):
    make, check = parts(context)
    return of(candidate.compare("matmul", lambda: make()[:2], check, runs=1))

def parts(context):
    rng = context.rng
    def make():
        a = rng.standard_normal((N, K), dtype=np.float32)
        b = rng.standard_normal((K, M), dtype=np.float32)
        return a, b, Output((N, M), np.float32), N, K, M
    def check(inputs, outputs):
        a, b = inputs[:2]
        exact = a.astype(np.float64) @ b
        require_accuracy(outputs[0], exact, a @ b, np.abs(a) @ np.abs(b))
    return make, check

def of(timing):
    names = ("seconds", "reference_seconds", "spread", "control", "runs")
    return {"score": timing.ratio, "metrics": {name: getattr(timing, name) for name in names}}
"""
_HEAD = 'name = "matmul"\ntitle = "Matrix product"\nstatement = "None."\n'
_PYTHON_BLOCK, _C_BLOCK = "# EVOLVE-BLOCK-START\n{}\n# EVOLVE-BLOCK-END\n", "// EVOLVE-BLOCK-START\n{}\n// EVOLVE-BLOCK-END\n"


def kernels(kind: str, suffix: str) -> dict[str, str]:
    """The texts of all kernels of a kind, `honest` or `cheats`, in one language."""
    return {path.stem: path.read_text() for path in sorted((KERNELS / kind).glob(f"*{suffix}"))}


def c_problem(text: str) -> Problem:
    """With `text` as the seed, which is the reference too."""
    return _problem("kernel.c", 'language = "c"\n', _C_BLOCK.format(text))


def python_problem(text: str) -> Problem:
    """As `c_problem`."""
    return _problem("kernel.py", "", _PYTHON_BLOCK.format(text))


def _problem(path: str, language: str, seed: str) -> Problem:
    files = {"problem.toml": f'{_HEAD}{language}seed = ["{path}"]\n', path: seed, "judge.py": _JUDGE}
    return problem_from_files({name: content.encode() for name, content in files.items()})


def kernel_job(path: str, text: str, entry: str = "quickly") -> Job:
    return Job(
        files={path: text},
        entry=entry,
        purpose=Purpose.SEARCH,
        stage="score",
        repeat=0,
        seed=b"what nobody can guess, 32 bytes.",
        timeout_s=60.0,
        limits=Limits(memory_mib=512, processes=8, files_mib=16),
    )
