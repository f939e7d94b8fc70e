"""Scalable pictures as text: marks, scales and axes. Colours are left to the page through classes."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

Attribute = str | float | int


def number(value: float) -> str:
    """A coordinate to a hundredth of a unit, as short as it can be written."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def element(name: str, *children: str, **attributes: Attribute) -> str:
    """One element. Attribute values are escaped, children are markup and are not; `_` in a name stands for `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value if isinstance(value, str) else number(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def label(x: float, y: float, words: str, class_: str = "tick", anchor: str = "middle") -> str:
    """Escaped text at a point."""
    return element("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def dots(points: Iterable[tuple[float, float]], class_: str) -> str:
    """Many dots as one path of strokes without length, which keeps thousands of them small."""
    path = "".join(f"M{number(x)} {number(y)}h0" for x, y in points)
    return element("path", d=path, class_=f"dots {class_}") if path else ""


def steps(points: Sequence[tuple[float, float]], until: float, class_: str) -> str:
    """A line that keeps its height from each point to the next, and from the last to `until`."""
    if not points:
        return ""
    x, y = points[0]
    path = f"M{number(x)} {number(y)}" + "".join(f"H{number(x)}V{number(y)}" for x, y in points[1:]) + f"H{number(until)}"
    return element("path", d=path, class_=class_)


def drawing(width: float, height: float, title: str, *content: str) -> str:
    """A whole picture that grows with its column; `title` is read out to those who do not see it."""
    return element(
        "svg",
        element("title", escape(title)),
        *content,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        class_="chart",
    )


@dataclass(frozen=True, slots=True)
class Line:
    """Maps values from `low`..`high` to coordinates from `start`..`end`, in equal differences or equal ratios."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of `value`, kept within the frame."""
        scale: Callable[[float], float] = math.log if self.log else float
        low, high = scale(self.low), scale(self.high)
        share = (scale(max(value, self.low) if self.log else value) - low) / (high - low) if high > low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values within `low`..`high`, about as many as asked for: multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / about))
    step = min((factor * power for factor in (1.0, 2.0, 5.0, 10.0)), key=lambda step: abs((high - low) / step - about))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def short(value: float, digits: int = 4) -> str:
    """A number for a person: few digits, no exponent unless it is very large or very small."""
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        return f"{value:.{digits - 1}g}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
