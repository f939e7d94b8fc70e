"""Pictures of kernels: the speed of program and reference at several shapes, under the roofline."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

_TOP, _HEIGHT, _WIDTH, _DECADES = 40.0, 240.0, 130.0, 4.0
_OWN, _OTHER, _LINE = "#2e86c1", "#b2bec3", "#c0392b"


@dataclass(frozen=True, slots=True)
class Bar:
    """One shape: its name, and the seconds of a call of the program, of the reference and of the roofline."""

    name: str
    seconds: float
    reference_seconds: float
    least_seconds: float


def chart(bars: Sequence[Bar]) -> str:
    """Bars on a logarithmic scale of four decades that ends at the roofline, as SVG text."""
    wide, bottom = 20 + _WIDTH * len(bars), _TOP + _HEIGHT
    marks: list[str] = []
    for decade in range(1, int(_DECADES) + 1):
        y = _TOP + _HEIGHT * decade / _DECADES
        marks.append(f'<line x1="10" x2="{wide:g}" y1="{y:g}" y2="{y:g}" stroke="#ddd"/>')
        marks.append(f'<text x="{wide - 4:g}" y="{y - 3:g}" text-anchor="end" fill="#999">{10.0 ** (2 - decade):g} %</text>')
    for column, bar in enumerate(bars):
        left = 20 + _WIDTH * column
        for shift, seconds, colour in ((0, bar.seconds, _OWN), (52, bar.reference_seconds, _OTHER)):
            height = _height(bar.least_seconds / seconds)
            marks.append(
                f'<rect x="{left + shift:g}" y="{bottom - height:.1f}" width="48" height="{height:.1f}" fill="{colour}"/>'
                f'<text x="{left + shift:g}" y="{bottom - height - 4:.1f}">{1e6 * seconds:.3g} us</text>'
            )
        marks.append(f'<text x="{left:g}" y="{bottom + 16:g}">{bar.name}</text>')
    marks.append(f'<line x1="10" x2="{wide:g}" y1="{_TOP:g}" y2="{_TOP:g}" stroke="{_LINE}" stroke-width="2"/>')
    marks.append(f'<text x="12" y="{_TOP - 8:g}" fill="{_LINE}">roofline of this machine: 100 %</text>')
    marks.append(f'<text x="12" y="{bottom + 36:g}">time of a call: this program (blue), the reference (grey)</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {bottom + 46:g}" font-family="sans-serif" '
        f'font-size="12">{"".join(marks)}</svg>'
    )


def _height(share: float) -> float:
    """Full at the roofline, nothing four decades below it."""
    return _HEIGHT * max(0.0, min(1.0, 1 + log10(share) / _DECADES))
