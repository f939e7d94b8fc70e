"""A judge and its seed that are audited in these tests."""

from dataclasses import dataclass

from evaluators.audit.weaknesses import Weakness
from evolution.problem import Problem, problem_from_files

_HEAD = """import math
import numpy as np
from galapagos_judge import CandidateError, Rejected
"""


@dataclass(frozen=True)
class Weak:
    """A judge and its seed; `finds` are the weaknesses of which a hole must be found, and `words` stand in one of them."""

    judge: str
    seed: str
    finds: Weakness
    words: str = ""
    direction: str = "maximize"
    timeout_s: float = 4.0

    @property
    def problem(self) -> Problem:
        toml = (
            f'name = "weak"\ntitle = "Weak"\nstatement = "A judge for a test."\nseed = ["seed.py"]\n'
            f'[score]\ndirection = "{self.direction}"\n[limits]\nmemory_mib = 512\n'
            f'[[stages]]\nname = "score"\ntimeout_s = {self.timeout_s}\n'
        )
        seed = f"import math\nimport numpy as np\n# EVOLVE-BLOCK-START\n{self.seed}# EVOLVE-BLOCK-END\n"
        files = {"problem.toml": toml.encode(), "judge.py": (_HEAD + self.judge).encode(), "seed.py": seed.encode()}
        return problem_from_files(files)
