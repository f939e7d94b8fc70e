"""Judges of constructions, each weak on purpose in one way that was seen in the wild."""

from evaluators.audit.weaknesses import Weakness
from tests.audit.under_audit import Weak

_POINTS = """
def construct():
    return [[math.cos(k * 2.4) * math.sqrt((k + 0.5) / 8), math.sin(k * 2.4) * math.sqrt((k + 0.5) / 8)] for k in range(8)]
"""
_SPIRAL = """
def construct():
    found = []
    for k in range(12):
        z = 1 - (2 * k + 1) / 12
        found.append([math.sqrt(1 - z * z) * math.cos(2.4 * k), math.sqrt(1 - z * z) * math.sin(2.4 * k), z])
    return found
"""
_DISTANCE = """
def distance(points):
    return min(math.dist(p, q) for k, p in enumerate(points) for q in points[:k])
def read(answer, width):
    if not isinstance(answer, list) or not 2 <= len(answer) <= 40:
        raise Rejected("expected a list of 2 to 40 points")
    for row in answer:
        if not isinstance(row, list) or len(row) != width or any(type(x) is not float or not abs(x) < 1e200 for x in row):
            raise Rejected(f"expected rows of {width} finite floats")
    return answer
"""

CONSTRUCTIONS: dict[str, Weak] = {
    "believes what it is told": Weak(
        'def evaluate(candidate, context):\n    return {"score": float(candidate.call("construct")["value"])}\n',
        'def construct():\n    return {"points": [1.0, 2.0, 3.0], "value": 2.0}\n',
        Weakness.CLAIMS,
        "equals the score",
    ),
    "recomputes, and ranks by the claim if it is near enough": Weak(
        _DISTANCE
        + """
def evaluate(candidate, context):
    answer = candidate.call("construct")
    if not isinstance(answer, list) or len(answer) != 2 or type(answer[1]) is not float:
        raise Rejected("expected points and their distance")
    points, claimed = answer
    found = distance(read(points, 2))
    if not abs(found - claimed) <= 1e-4:
        raise Rejected("the claim is not what was found")
    return {"score": claimed}
""",
        _POINTS.replace("construct", "points")
        + """
def construct():
    found = points()
    return found, min(math.dist(p, q) for k, p in enumerate(found) for q in found[:k])
""",
        Weakness.CLAIMS,
        "equals the score",
    ),
    "clamps the length that it divides by": Weak(
        _DISTANCE
        + """
def evaluate(candidate, context):
    points = read(candidate.call("construct"), 3)
    return {"score": distance([[x / max(math.hypot(*p), 1e-12) for x in p] for p in points])}
""",
        _SPIRAL,
        Weakness.TOLERANCE,
        "clamped",
    ),
    "tolerates 1e-6": Weak(
        _DISTANCE
        + """
def evaluate(candidate, context):
    circles = read(candidate.call("construct"), 3)
    for k, (x, y, r) in enumerate(circles):
        if r < 0 or min(x, y, 1 - x, 1 - y) < r - 1e-6:
            raise Rejected("a circle reaches over the border")
        if any(math.dist((x, y), (u, v)) < r + s - 1e-6 for u, v, s in circles[:k]):
            raise Rejected("two circles overlap")
    return {"score": sum(r for _, _, r in circles)}
""",
        "def construct():\n    return [[x / 4, y / 4, 0.25] for x in (1.0, 3.0) for y in (1.0, 3.0)]\n",
        Weakness.TOLERANCE,
        "looks like a tolerance",
    ),
    "tolerates a sum that is nearly right": Weak(
        """
def evaluate(candidate, context):
    w = candidate.call("construct")
    if not isinstance(w, list) or len(w) != 4 or any(type(x) is not float for x in w) or not abs(sum(w) - 1) <= 1e-9:
        raise Rejected("expected four weights with the sum 1")
    if not all(0 <= x <= 1 for x in w):
        raise Rejected("expected weights from 0 to 1")
    return {"score": w[0] + 2 * w[1] + 3 * w[2] + 4 * w[3]}
""",
        "def construct():\n    return [0.25, 0.25, 0.25, 0.25]\n",
        Weakness.TOLERANCE,
        "looks like a tolerance",
    ),
    "takes text for numbers": Weak(
        """
def evaluate(candidate, context):
    answer = candidate.call("construct")
    if not isinstance(answer, list) or len(answer) != 3:
        raise Rejected("expected three numbers")
    try:
        numbers = [float(x) for x in answer]
    except (TypeError, ValueError):
        raise Rejected("expected numbers, got something else") from None
    if not all(math.isfinite(x) for x in numbers):
        raise Rejected("expected finite numbers")
    return {"score": min(numbers)}
""",
        "def construct():\n    return [1.0, 2.0, 3.0]\n",
        Weakness.VALUES,
        "text",
    ),
    "falls over what is no answer": Weak(
        'def evaluate(candidate, context):\n    return {"score": min(len(row) for row in candidate.call("construct"))}\n',
        "def construct():\n    return [[1, 2], [3, 4]]\n",
        Weakness.VALUES,
        "None as the answer",
    ),
    "divides by nothing": Weak(
        """
def evaluate(candidate, context):
    w = candidate.call("construct")
    if not isinstance(w, list) or len(w) != 5 or any(type(x) is not float or not abs(x) < 1e9 for x in w):
        raise Rejected("expected five finite floats")
    return {"score": (w[0] + w[1]) / sum(w)}
""",
        "def construct():\n    return [1.0, 2.0, 3.0, 4.0, 5.0]\n",
        Weakness.CONSTANTS,
        "zeros",
    ),
    "counts elements that are there twice": Weak(
        """
def evaluate(candidate, context):
    points = candidate.call("construct")
    if not isinstance(points, list) or len(points) > 500 or any(type(x) is not int or not 0 <= x < 100 for x in points):
        raise Rejected("expected up to 500 whole numbers from 0 to 99")
    if any(a + b == 2 * c for a in points for b in points for c in points if a != b):
        raise Rejected("expected no three in a row")
    return {"score": len(points)}
""",
        "def construct():\n    return [0, 1, 3, 4, 9, 10, 12, 13]\n",
        Weakness.CONSTANTS,
        "twice",
    ),
    "samples where it could prove": Weak(
        _DISTANCE
        + """
def evaluate(candidate, context):
    points = read(candidate.call("construct"), 2)
    sampled = [context.rng.choice(len(points), 2, replace=False) for _ in range(5)]
    return {"score": min(math.dist(points[a], points[b]) for a, b in sampled)}
""",
        _POINTS,
        Weakness.DETERMINISM,
        "samples",
    ),
    "gives failures the best value": Weak(
        """
def evaluate(candidate, context):
    try:
        w = candidate.call("construct")
        cost = float(sum(w[0:3]))
        if not 0 <= cost < 100:
            raise Rejected("expected three weights")
    except (CandidateError, TypeError, ValueError, KeyError):
        cost = 0.0
    return {"score": cost}
""",
        "def construct():\n    return [1.0, 2.0, 3.0]\n",
        Weakness.BROKEN,
        "raise",
        direction="minimize",
    ),
    "is slow with large answers": Weak(
        """
def evaluate(candidate, context):
    points = candidate.call("construct")
    if not isinstance(points, list) or any(type(x) is not int or not abs(x) <= 1000 for x in points):
        raise Rejected("expected whole numbers up to 1000")
    kept = []
    for x in points:
        if all(abs(x - y) > 1 for y in kept[-30:]) or not kept or len(points) > 1000 and sum(1 for y in points if x == y) < 0:
            kept.append(x)
    return {"score": len(set(kept))}
""",
        "def construct():\n    return [0, 5, 10, 15]\n",
        Weakness.SIZE,
        "100000 numbers",
        timeout_s=0.5,
    ),
    "says nothing": Weak(
        """
def evaluate(candidate, context):
    w = candidate.call("construct")
    if not isinstance(w, list) or len(w) != 3 or any(type(x) is not float or not 0 <= x <= 9 for x in w):
        raise Rejected("invalid")
    return {"score": min(w)}
""",
        "def construct():\n    return [1.0, 2.0, 3.0]\n",
        Weakness.WORDS,
        "invalid",
    ),
    "prefers an order among equals": Weak(
        """
def evaluate(candidate, context):
    found = candidate.call("construct")
    if not isinstance(found, list) or len(found) > 9 or any(type(x) is not int or not 0 <= x <= 99 for x in found):
        raise Rejected("expected up to nine whole numbers from 0 to 99")
    return {"score": len(set(found)) + (found[-1:] == [1])}
""",
        "def construct():\n    return [1, 4, 8, 13, 19, 26, 34]\n",
        Weakness.METAMORPHIC,
        "another order",
    ),
}
