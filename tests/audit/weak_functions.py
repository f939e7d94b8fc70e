"""Judges of functions of given data, each weak on purpose in one way that was seen in the wild."""

from evaluators.audit.weaknesses import Weakness
from tests.audit.under_audit import Weak

_SORTING = """
def solve(x):
    return np.sort(x)
"""
_SCALED = """
def solve(x):
    return np.asarray(x) * 2.0 + 1.0
"""
_ARRAY = """
def array(answer, size):
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float64 or answer.shape != (size,):
        raise Rejected(f"expected an array of {size} floats")
    return answer
"""


def _timed(right: str, words: str) -> str:
    """A judge that times ten calls and finds answers right where this expression of `x` and `y` is true."""
    return f"""
def evaluate(candidate, context):
    inputs = [(context.rng.random(2000),) for _ in range(10)]
    answers, seconds = candidate.time("solve", inputs)
    for (x,), y in zip(inputs, answers):
        if not isinstance(y, np.ndarray) or y.shape != x.shape or not {right}:
            raise Rejected("expected 2 x + 1 {words}")
    return {{"score": 1 / max(seconds, 1e-6)}}
"""


FUNCTIONS: dict[str, Weak] = {
    "lets NaN pass": Weak(
        """
def evaluate(candidate, context):
    x = context.rng.random(50)
    y = np.asarray(candidate.call("solve", x), dtype=float)
    if y.shape != x.shape or (np.abs(y - (2 * x + 1)) > 1e-12).any():
        raise Rejected("expected 2 x + 1")
    return {"score": 1.0}
""",
        _SCALED,
        Weakness.VALUES,
        "NaN",
    ),
    "does not look at the answer": Weak(
        """
def evaluate(candidate, context):
    candidate.call("solve", context.rng.random(20))
    return {"score": 1.0}
""",
        _SCALED,
        Weakness.CONSTANTS,
        "does not depend",
    ),
    "does not ask": Weak(
        'def evaluate(candidate, context):\n    return {"score": 1.0}\n',
        _SCALED,
        Weakness.CONSTANTS,
        "without a call",
    ),
    "looks at properties that the input has": Weak(
        _ARRAY
        + """
def evaluate(candidate, context):
    x = context.rng.random(40)
    y = array(candidate.call("solve", x), 40)
    if not math.isclose(y.sum(), x.sum()) or not math.isclose(y.max(), x.max()):
        raise Rejected("expected the same numbers, sorted")
    return {"score": 1.0}
""",
        _SORTING,
        Weakness.ECHOES,
        "argument as the answer",
    ),
    "draws the same instances for ever": Weak(
        _ARRAY
        + """
RNG = np.random.default_rng(0)
def evaluate(candidate, context):
    x = RNG.random(30)
    y = array(candidate.call("solve", x), 30)
    if not np.array_equal(y, 2 * x + 1):
        raise Rejected("expected 2 x + 1 exactly")
    return {"score": 1.0}
""",
        _SCALED,
        Weakness.MEMORY,
        "the same on another draw",
    ),
    "checks answers against one another": Weak(
        _ARRAY
        + """
def evaluate(candidate, context):
    first, second = (array(candidate.call("solve", context.rng.random(30)), 30) for _ in range(2))
    if not (1 <= first).all() or not (second <= 3).all():
        raise Rejected("expected 2 x + 1 for x from 0 to 1")
    return {"score": 1.0}
""",
        _SCALED,
        Weakness.MEMORY,
        "another draw",
    ),
    "times one input many times": Weak(
        _ARRAY
        + """
def evaluate(candidate, context):
    x = context.rng.random(2000)
    answers, seconds = candidate.time("solve", [(x,)] * 20)
    for answer in answers:
        if not np.array_equal(array(answer, 2000), 2 * x + 1):
            raise Rejected("expected 2 x + 1 exactly")
    return {"score": 1 / max(seconds, 1e-6)}
""",
        _SCALED,
        Weakness.MEMORY,
        "timed twice",
    ),
    "looks at the first elements only": Weak(
        _timed("np.array_equal(y[:20], 2 * x[:20] + 1)", "exactly"), _SCALED, Weakness.COVERAGE, "one wrong number"
    ),
    "compares with a wide tolerance": Weak(
        _timed("np.allclose(y, 2 * x + 1, rtol=1e-2)", "to a hundredth"), _SCALED, Weakness.COVERAGE, "eight bits"
    ),
    "compares the first outputs of a kernel only": Weak(
        """
def evaluate(candidate, context):
    def make():
        return [context.rng.random(20000)]
    def check(inputs, outputs):
        (x,), (y,) = inputs, outputs
        if not isinstance(y, np.ndarray) or y.shape != x.shape or not np.array_equal(y[:100], 2 * x[:100] + 1):
            raise Rejected("expected 2 x + 1 exactly")
    return {"score": candidate.compare("solve", make, check, runs=1).ratio}
""",
        _SCALED,
        Weakness.COVERAGE,
        "one wrong number",
    ),
    "takes randomness from elsewhere": Weak(
        """
def evaluate(candidate, context):
    x = np.random.default_rng().random(30)
    y = candidate.call("solve", x)
    if not isinstance(y, np.ndarray) or y.dtype != np.float64 or y.shape != x.shape:
        raise Rejected("expected thirty numbers")
    return {"score": float(min(9.0, y.sum() / 10))}
""",
        _SCALED,
        Weakness.DETERMINISM,
        "twice on equal draws",
    ),
    "leaves failures out of the mean": Weak(
        _ARRAY
        + """
def evaluate(candidate, context):
    good = []
    for size in (10, 100, 1000, 2000):
        x = context.rng.random(size)
        try:
            y = array(candidate.call("solve", x), size)
        except CandidateError:
            continue
        if not np.array_equal(y, 2 * x + 1):
            raise Rejected("expected 2 x + 1 exactly")
        good.append(1.0)
    if not good:
        raise Rejected("expected an answer to one of the inputs at least")
    return {"score": sum(good) / len(good)}
""",
        _SCALED,
        Weakness.BROKEN,
        "second call raises",
    ),
}
SOUND: dict[str, Weak] = {
    "a sum of weights, exactly": Weak(
        """
from fractions import Fraction
def evaluate(candidate, context):
    w = candidate.call("construct")
    if not isinstance(w, list) or len(w) != 4 or any(type(x) is not float or not 0 <= x <= 1e9 for x in w):
        raise Rejected("expected four weights from 0 to 1e9")
    exact = [Fraction(x) for x in w]
    if sum(exact) == 0:
        raise Rejected("expected weights that are not all 0")
    return {"score": float((exact[0] + 2 * exact[1]) * (exact[2] + exact[3]) / sum(exact) ** 2)}
""",
        "def construct():\n    return [0.125, 0.5, 0.25, 0.25]\n",
        Weakness.WORDS,
    ),
    "a function of what is given, every element": Weak(
        _ARRAY
        + """
def evaluate(candidate, context):
    for size in (10, 100):
        x = context.rng.random(size)
        if not np.array_equal(array(candidate.call("solve", x), size), 2 * x + 1):
            raise Rejected("expected 2 x + 1 exactly")
    return {"score": 1.0}
""",
        _SCALED,
        Weakness.WORDS,
    ),
}
