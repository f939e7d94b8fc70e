"""Sets of whole-number vectors: kissing configurations, and grid points without isosceles triangles."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from galapagos_exact.answers import integer_rows
from galapagos_exact.drawings import dots, framed, grid
from galapagos_exact.judging import Proof
from galapagos_judge import Rejected
from numpy.typing import NDArray

LARGEST_COORDINATE = 2**60
# The error of a cosine in doubles is below 1e-14 here; pairs nearer to 60 degrees are decided in whole numbers.
CERTAIN = 1e-9


@dataclass(frozen=True)
class Kissing:
    """Unit spheres that touch one unit sphere in `dimension` dimensions and do not overlap; the value is their number.

    A vector stands for the direction of a sphere's centre, whatever its length: spheres do not overlap if all angles
    are 60 degrees or more. Vectors are taken in the order given, and one that is too near to those before it is left out.
    """

    dimension: int
    most: int
    method: str = "angles of at least 60 degrees in whole numbers: x.y <= 0, or 4 (x.y)^2 <= (x.x) (y.y)"

    def prove(self, answer: object) -> Proof:
        """Keep what may stay, and count it."""
        vectors = integer_rows(answer, "vectors", self.dimension, self.most, low=-LARGEST_COORDINATE, high=LARGEST_COORDINATE)
        kept = [vectors[i] for i in _apart(vectors)]
        return Proof(
            score=float(len(kept)),
            exact=str(len(kept)),
            construction=kept,
            feedback=f"{len(kept)} of {len(vectors)} vectors kept, each at least 60 degrees from all others",
            metrics={"given": len(vectors)},
            features={"entries": float(np.mean([sum(map(bool, vector)) for vector in kept])) if kept else 0.0},
        )

    def draw(self, proof: Proof) -> str:
        """The scalar products of all pairs."""
        if not proof.construction:
            return framed([])
        vectors: NDArray[np.float64] = np.array(proof.construction, dtype=np.float64)
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        step = max(1, len(vectors) // 100)
        products: list[list[float]] = np.round(vectors @ vectors.T, 6)[::step, ::step].tolist()
        return framed(grid(products))


def _apart(vectors: list[list[int]]) -> list[int]:
    """Places of the vectors that stay, each at least 60 degrees from every one before it that stays."""
    places = [i for i, vector in enumerate(vectors) if any(vector)]
    if not places:
        return []
    directions: NDArray[np.float64] = np.array([vectors[i] for i in places], dtype=np.float64)
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    cosines = directions @ directions.T
    kept: list[int] = []
    for row, place in enumerate(places):
        near: NDArray[Any] = cosines[row, kept]
        if (near > 0.5 + CERTAIN).any():
            continue
        close = [kept[i] for i in np.flatnonzero(near >= 0.5 - CERTAIN)]
        if all(_wide(vectors[place], vectors[places[other]]) for other in close):
            kept.append(row)
    return [places[row] for row in kept]


def _wide(x: list[int], y: list[int]) -> bool:
    """Whether the angle is 60 degrees or more."""
    product = sum(a * b for a, b in zip(x, y, strict=True))
    return product <= 0 or 4 * product**2 <= sum(a * a for a in x) * sum(b * b for b in y)


@dataclass(frozen=True)
class NoIsosceles:
    """Points of the grid 0 .. side - 1 squared, no three of which make an isosceles triangle; the value is their number.

    Three points are isosceles if two of their three distances are equal; so are two points with the one midway between
    them. Points are taken in the order given, and one that would make such a triangle with two before it is left out.
    """

    side: int
    method: str = "squared distances in whole numbers: from each point all others lie at different ones"

    def prove(self, answer: object) -> Proof:
        """Keep what may stay, and count it."""
        points = integer_rows(answer, "points (x, y)", 2, self.side**2, low=0, high=self.side - 1)
        kept = self._without_isosceles(points)
        if not kept:
            raise Rejected("expected at least one point")
        centre = np.mean(kept, axis=0)
        spread = float(np.sqrt(((np.array(kept) - centre) ** 2).sum(axis=1).mean()) / self.side)
        return Proof(
            score=float(len(kept)),
            exact=str(len(kept)),
            construction=kept,
            feedback=f"{len(kept)} of {len(points)} points kept, no three of them isosceles",
            metrics={"given": len(points)},
            features={"spread": spread},
        )

    def draw(self, proof: Proof) -> str:
        """The points."""
        return framed(dots(((x + 0.5) / self.side, (y + 0.5) / self.side) for x, y in proof.construction))

    def _without_isosceles(self, points: list[list[int]]) -> list[list[int]]:
        axis = np.arange(self.side)
        excluded = np.zeros((self.side, self.side), dtype=bool)
        kept: list[list[int]] = []
        # Squared distances from each point that was kept to all points of the grid.
        fields = np.zeros((0, self.side, self.side), dtype=np.int64)
        for x, y in points:
            if excluded[x, y]:
                continue
            field = (axis[:, None] - x) ** 2 + (axis[None, :] - y) ** 2
            near = np.zeros(2 * self.side**2, dtype=bool)
            near[[field[u, v] for u, v in kept]] = True
            # The third point may have this one as its apex, an earlier one, or be the apex itself.
            excluded |= near[field]
            excluded |= (fields == fields[:, x, y][:, None, None]).any(axis=0)
            excluded |= (fields == field).any(axis=0)
            excluded[x, y] = True
            kept.append([x, y])
            fields = np.concatenate([fields, field[None]])
        return kept


@dataclass(frozen=True)
class CapSet:
    """Vectors of `dimension` entries 0, 1, 2, no three of which are on a line; the value is their number.

    Three different vectors are on a line if their sum is zero modulo 3. Vectors are taken in the order given, and one that
    is on a line with two before it is left out.
    """

    dimension: int
    method: str = "for each vector taken, all third points of lines through it and an earlier one are struck out"

    def prove(self, answer: object) -> Proof:
        """Keep what may stay, and count it."""
        vectors = integer_rows(answer, "vectors", self.dimension, 3**self.dimension, low=0, high=2)
        places = 3 ** np.arange(self.dimension)
        struck = np.zeros(3**self.dimension, dtype=bool)
        kept = np.zeros((0, self.dimension), dtype=np.int64)
        for vector in np.array(vectors, dtype=np.int64).reshape(-1, self.dimension):
            if not struck[vector @ places]:
                struck[(-(kept + vector) % 3) @ places] = True
                struck[vector @ places] = True
                kept = np.concatenate([kept, vector[None]])
        construction: list[list[int]] = kept.tolist()
        return Proof(
            score=float(len(construction)),
            exact=str(len(construction)),
            construction=construction,
            feedback=f"{len(construction)} of {len(vectors)} vectors kept, no three of them on a line",
            metrics={"given": len(vectors)},
            features={"entries": float((kept != 0).sum(axis=1).mean()) if construction else 0.0},
        )

    def draw(self, proof: Proof) -> str:
        """The vectors in a square: one half of the entries to the right, the other downwards."""
        half = self.dimension // 2
        marks = np.zeros((3 ** (self.dimension - half), 3**half))
        for vector in proof.construction:
            row, column = (sum(x * 3**i for i, x in enumerate(part)) for part in (vector[half:], vector[:half]))
            marks[row, column] = 1
        rows: list[list[float]] = marks.tolist()
        return framed(grid(rows))
