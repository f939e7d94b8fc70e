"""Scores a packing of circles in the unit square by exact arithmetic on what is left after a projection."""

from typing import Any

import numpy as np
from galapagos_judge import Rejected

CIRCLES = 26
# Coordinates and radii become whole multiples of 2**-60: below that a double near 1 has no digits.
GRID_BITS = 60
GRID = float(2**GRID_BITS)

Packing = list[tuple[int, int, int]]


def evaluate(candidate: Any, context: Any) -> dict[str, Any]:
    """Score one packing. The score is the sum of the radii that were verified, in side lengths."""
    packing = certain_packing(*_circles(candidate.call("pack")))
    score = sum(radius for _, _, radius in packing) / 2**GRID_BITS
    radii = np.array([radius for _, _, radius in packing]) / GRID
    spread = float(radii.std() / radii.mean()) if packing else 0.0
    smallest, largest = (float(radii.min()), float(radii.max())) if packing else (0.0, 0.0)
    return {
        "score": score,
        "metrics": {"placed": len(packing), "smallest": smallest, "largest": largest},
        "features": {"spread": spread},
        "feedback": f"{len(packing)} of {CIRCLES} circles placed, radii from {smallest:.4f} to {largest:.4f}, sum {score:.9f}",
    }


def picture(candidate: Any, context: Any) -> str:
    """The packing as SVG, one unit of the square being 500 pixels."""
    packing = certain_packing(*_circles(candidate.call("pack")))
    shapes = [
        f'<circle cx="{500 * x / GRID:.3f}" cy="{500 - 500 * y / GRID:.3f}" r="{500 * radius / GRID:.3f}"/>'
        for x, y, radius in packing
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-5 -5 510 510">'
        '<rect width="500" height="500" fill="#fff" stroke="#333" stroke-width="2"/>'
        f'<g fill="#7fb3d5" stroke="#1b4f72">{"".join(shapes)}</g></svg>'
    )


def certain_packing(centres: np.ndarray, radii: np.ndarray) -> Packing:
    """Project circles into the exactly feasible set.

    Args:
        centres: (n, 2) finite floats. Circles with a centre outside the open square are dropped.
        radii: (n,) finite floats. Radii are only ever made smaller; circles without a positive one are dropped.

    Returns:
        (x, y, radius) as multiples of 2**-60, for which `is_feasible` holds.
    """
    inside = ((centres > 0) & (centres < 1)).all(axis=1)
    centres, radii = centres[inside], radii[inside]
    radii = np.minimum(radii, np.minimum(centres, 1 - centres).min(axis=1, initial=1.0))
    positive = radii > 0
    centres, radii = centres[positive], radii[positive]
    packing = _on_grid(centres, radii)
    if is_feasible(packing):
        return packing
    radii = radii * _common_factor(centres, radii)
    # The factor above is right to rounding; a few units in the last place more settle it.
    for bits in range(52, 0, -1):
        packing = _on_grid(centres, radii * (1 - 0.5**bits))
        if is_feasible(packing):
            return packing
    return []


def is_feasible(packing: Packing) -> bool:
    """Whether all circles lie in the square and no two overlap, in integers, without any tolerance."""
    side = 2**GRID_BITS
    for i, (x, y, radius) in enumerate(packing):
        if radius <= 0 or min(x, y, side - x, side - y) < radius:
            return False
        for u, v, other in packing[:i]:
            if (x - u) ** 2 + (y - v) ** 2 < (radius + other) ** 2:
                return False
    return True


def _common_factor(centres: np.ndarray, radii: np.ndarray) -> float:
    """The largest factor, up to rounding and at most 1, by which all radii may be scaled without an overlap."""
    first, second = np.triu_indices(len(radii), 1)
    distances = np.hypot(*(centres[first] - centres[second]).T)
    return float(min(1.0, (distances / (radii[first] + radii[second])).min(initial=1.0)))


def _on_grid(centres: np.ndarray, radii: np.ndarray) -> Packing:
    """Round down to the grid; scaling a double by a power of two is exact."""
    scaled = np.column_stack([centres, radii]) * GRID
    return [(int(x), int(y), int(radius)) for x, y, radius in scaled.tolist() if radius >= 1]


def _circles(answer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check the shape and the numbers of what `pack` returned: centres (n, 2) and radii (n,)."""
    try:
        table = np.asarray(answer)
    except (ValueError, OverflowError):
        raise Rejected("pack() must return a list of circles (x, y, radius)") from None
    if table.size == 0:
        return np.empty((0, 2)), np.empty(0)
    if table.dtype.kind not in "fiu":
        raise Rejected("pack() must return a list of circles (x, y, radius), all plain numbers")
    if table.ndim != 2 or table.shape[1] != 3:
        raise Rejected(f"expected n circles (x, y, radius), got an array of shape {table.shape}")
    if len(table) > CIRCLES:
        raise Rejected(f"expected at most {CIRCLES} circles, got {len(table)}")
    table = table.astype(np.float64)
    if not np.isfinite(table).all():
        raise Rejected("centres and radii must be finite")
    return table[:, :2], table[:, 2]
