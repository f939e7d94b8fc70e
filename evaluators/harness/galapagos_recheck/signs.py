"""Confirms flat polynomials by counting roots, and determinants by residues."""

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

from galapagos_recheck import require

PLACES = 10**6


def flat_polynomial(construction: Any, degree: int) -> str:
    """The largest size on the unit circle over the root of degree + 2, rounded up to six places, as text.

    The squared size at an angle is a polynomial in its cosine. It stays below a number if their difference has no root between
    -1 and 1, which Sturm's theorem decides in whole numbers.

    Raises:
        Disproved: there are other coefficients than 1 and -1, or another number of them.
    """
    require(len(construction) == degree + 1 and set(construction) <= {1, -1}, "coefficients are not as expected")
    squared = _squared_size(construction)
    top = _largest_sample(construction, 16 * degree)
    guess = math.ceil(PLACES * math.sqrt(top / (degree + 2)))
    low, high = guess - 1, guess
    while not _stays_below(squared, Fraction((degree + 2) * high**2, PLACES**2)):
        low, high = high, high + 2 * (high - low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _stays_below(squared, Fraction((degree + 2) * middle**2, PLACES**2)) else (middle, high)
    return str(Fraction(high, PLACES))


def _largest_sample(signs: list[int], samples: int) -> float:
    """About the largest squared size, from a look around the half circle and closer looks where it was largest."""
    lags = [sum(a * b for a, b in zip(signs, signs[k:], strict=False)) for k in range(len(signs))]

    def squared(angle: float) -> float:
        return lags[0] + 2 * sum(lag * math.cos(k * angle) for k, lag in enumerate(lags) if k)

    width = math.pi / samples
    looks = sorted(((squared(width * i), width * i) for i in range(samples + 1)), reverse=True)[:6]
    best = 0.0
    for size, angle in looks:
        top, place, step = size, angle, width
        while step > 1e-9:
            top, place = max((squared(place + move), place + move) for move in (-step, -step / 2, 0.0, step / 2, step))
            step /= 2
        best = max(best, top)
    return best


def _squared_size(signs: list[int]) -> list[int]:
    """The coefficients of |p|^2 on the unit circle as a polynomial in the cosine of the angle."""
    degree = len(signs) - 1
    chebyshev: list[list[int]] = [[1], [0, 1]]
    for _ in range(degree - 1):
        following = [0, *(2 * a for a in chebyshev[-1])]
        for i, a in enumerate(chebyshev[-2]):
            following[i] -= a
        chebyshev.append(following)
    found = [0] * (degree + 1)
    for k in range(degree + 1):
        lag = sum(signs[i] * signs[i + k] for i in range(degree + 1 - k))
        for i, a in enumerate(chebyshev[k]):
            found[i] += lag * a * (2 if k else 1)
    return found


def _stays_below(polynomial: list[int], bound: Fraction) -> bool:
    """Whether a polynomial has no value of `bound` or more between -1 and 1."""
    difference = [-a * bound.denominator for a in polynomial]
    difference[0] += bound.numerator
    if sum(difference) <= 0 or sum(a * (-1) ** i for i, a in enumerate(difference)) <= 0:
        return False
    chain = [_primitive(difference), _primitive([i * a for i, a in enumerate(difference)][1:])]
    while len(chain[-1]) > 1:
        rest = _remainder(chain[-2], chain[-1])
        if not rest:
            break
        chain.append(_primitive([-a for a in rest]))
    left = [sum(a * (-1) ** i for i, a in enumerate(member)) for member in chain]
    right = [sum(member) for member in chain]
    return _changes(left) == _changes(right)


def _remainder(first: list[int], second: list[int]) -> list[int]:
    """The remainder of a division of polynomials, times a positive number that makes it whole."""
    rest = first[:]
    lead = second[-1]
    while len(rest) >= len(second):
        factor = rest[-1] if lead > 0 else -rest[-1]
        shift = len(rest) - len(second)
        rest = [abs(lead) * a for a in rest]
        for i, b in enumerate(second):
            rest[shift + i] -= factor * b
        rest.pop()
        while rest and rest[-1] == 0:
            rest.pop()
    return rest


def _primitive(polynomial: list[int]) -> list[int]:
    divisor = math.gcd(*polynomial)
    return [a // divisor for a in polynomial]


def _changes(values: list[int]) -> int:
    signs = [value > 0 for value in values if value]
    return sum(a != b for a, b in pairwise(signs))


def large_determinant(construction: Any, order: int, unit: int) -> str:
    """The size of the determinant of a matrix of signs over `unit`, as text.

    It is computed modulo primes whose product exceeds twice the largest that it can be (J. Hadamard), and put together.

    Raises:
        Disproved: it is no such matrix.
    """
    require(len(construction) == order, "the matrix has another order")
    require(all(len(row) == order and set(row) <= {1, -1} for row in construction), "an entry is neither 1 nor -1")
    residue, modulus = 0, 1
    # Primes 2^61 - 1, 2^89 - 1 and 2^107 - 1 (Mersenne).
    for prime in (2**61 - 1, 2**89 - 1, 2**107 - 1):
        found = _determinant_modulo(construction, prime)
        residue += modulus * ((found - residue) * _inverse(modulus, prime) % prime)
        modulus *= prime
    require(modulus**2 > 4 * order**order, "the primes do not suffice for this order")
    return str(Fraction(min(residue, modulus - residue), unit))


def _inverse(number: int, prime: int) -> int:
    """By P. Fermat's little theorem."""
    return pow(number, prime - 2, prime)


def _determinant_modulo(rows: list[list[int]], prime: int) -> int:
    matrix = [[entry % prime for entry in row] for row in rows]
    result = 1
    for k in range(len(matrix)):
        place = next((i for i in range(k, len(matrix)) if matrix[i][k]), None)
        if place is None:
            return 0
        if place != k:
            matrix[k], matrix[place] = matrix[place], matrix[k]
            result = -result
        result = result * matrix[k][k] % prime
        inverse = _inverse(matrix[k][k], prime)
        for row in matrix[k + 1 :]:
            factor = row[k] * inverse % prime
            for j in range(k, len(matrix)):
                row[j] = (row[j] - factor * matrix[k][j]) % prime
    return result % prime
