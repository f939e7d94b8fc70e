"""Confirms a scheme for multiplying matrices by running it on every pair of matrices with a single 1."""

from fractions import Fraction
from typing import Any

from galapagos_recheck import require

Part = Fraction | int
Number = tuple[Part, Part]


def scheme(construction: Any, n: int, m: int, p: int, ring: str) -> str:
    """The number of products of a scheme for n x m by m x p matrices, as text.

    A scheme is bilinear, so it is right on all matrices if it is right on all pairs of matrices that have one entry 1
    and no other. `ring` is "integers", "rationals" or "gaussian".

    Raises:
        Disproved: a coefficient is not of the ring, or a product comes out wrong.
    """
    terms = [[[_number(value, ring) for value in factor] for factor in term] for term in construction]
    for u, v, w in terms:
        require((len(u), len(v), len(w)) == (n * m, m * p, n * p), "a term has other lengths than n m, m p, n p")
    zero: Number = 0, 0
    for a in range(n * m):
        with_a = [(u[a], v, w) for u, v, w in terms if u[a] != zero]
        for b in range(m * p):
            expected = (a // m) * p + b % p if a % m == b // p else None
            products = [(_times(factor, v[b]), w) for factor, v, w in with_a if v[b] != zero]
            for c in range(n * p):
                total = zero
                for product, w in products:
                    if w[c] != zero:
                        change = _times(product, w[c])
                        total = total[0] + change[0], total[1] + change[1]
                require(total == (int(c == expected), 0), f"entry {c} of the product of units {a} and {b} comes out as {total}")
    return str(len(terms))


def _number(value: Any, ring: str) -> Number:
    number = (_exact(value[0]), _exact(value[1])) if hasattr(value, "append") else (_exact(value), 0)
    require(ring == "gaussian" or number[1] == 0, f"{value} is not real")
    require(ring != "integers" or number[0].denominator == 1, f"{value} is not a whole number")
    return number


def _exact(part: int | str) -> Part:
    return part if type(part) is int else Fraction(part)


def _times(a: Number, b: Number) -> Number:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]
