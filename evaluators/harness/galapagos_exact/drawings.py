"""Pictures of constructions: marks in a square of 500 by 500, as SVG text."""

from collections.abc import Iterable, Sequence

SIDE = 500.0
_RISING, _FALLING, _MARK = "#1b4f72", "#b9770e", "#7fb3d5"


def framed(marks: Iterable[str], frame: str = "") -> str:
    """Marks on a white square; `frame` is drawn below them instead of the square's border."""
    border = frame or f'<rect width="{SIDE:g}" height="{SIDE:g}" fill="#fff" stroke="#333" stroke-width="2"/>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-5 -5 510 510">'
        f'{border}<g fill="{_MARK}" stroke="{_RISING}">{"".join(marks)}</g></svg>'
    )


def dots(points: Iterable[Sequence[float]], radius: float = 4.0) -> list[str]:
    """Points of the unit square, the second coordinate upwards."""
    return [f'<circle cx="{SIDE * x:.2f}" cy="{SIDE - SIDE * y:.2f}" r="{radius:g}"/>' for x, y in points]


def circles(placed: Iterable[Sequence[float]]) -> list[str]:
    """Circles (x, y, radius) of the unit square."""
    return [f'<circle cx="{SIDE * x:.3f}" cy="{SIDE - SIDE * y:.3f}" r="{SIDE * r:.3f}"/>' for x, y, r in placed]


def polygon(points: Iterable[Sequence[float]]) -> str:
    """A closed outline through points of the unit square."""
    corners = " ".join(f"{SIDE * x:.2f},{SIDE - SIDE * y:.2f}" for x, y in points)
    return f'<polygon points="{corners}" fill="#fff" stroke="#333" stroke-width="2"/>'


def bars(heights: Sequence[float], most: int = 500) -> list[str]:
    """A row of bars over the square's width, the tallest over its height; long rows are thinned to `most` bars."""
    step = max(1, len(heights) // most)
    kept = heights[::step]
    top = max((abs(height) for height in kept), default=0.0) or 1.0
    below = min(0.0, min(kept, default=0.0))
    zero = SIDE * (1 + below / (top - below)) if below else SIDE
    scale, width = zero / top, SIDE / max(1, len(kept))
    return [
        f'<rect x="{width * i:.2f}" y="{zero - max(0.0, scale * height):.2f}" width="{width:.2f}" '
        f'height="{scale * abs(height):.2f}" stroke="none"/>'
        for i, height in enumerate(kept)
    ]


def grid(rows: Sequence[Sequence[float]]) -> list[str]:
    """A table of numbers as squares: blue where positive, brown where negative, as dark as their share of the largest."""
    wide = max((len(row) for row in rows), default=1) or 1
    edge = SIDE / max(wide, len(rows), 1)
    top = max((abs(value) for row in rows for value in row), default=0.0) or 1.0
    return [
        f'<rect x="{edge * j:.2f}" y="{edge * i:.2f}" width="{edge:.2f}" height="{edge:.2f}" stroke="none" '
        f'fill="{_RISING if value > 0 else _FALLING}" fill-opacity="{0.25 + 0.75 * abs(value) / top:.2f}"/>'
        for i, row in enumerate(rows)
        for j, value in enumerate(row)
        if value
    ]
