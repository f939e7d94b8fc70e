"""Random values for kernels in single precision, from the tame to the awkward."""

from collections.abc import Sequence

import numpy as np

MIXES = ("normal", "offset", "heavy", "constant", "tiny", "sparse")
"""Normal; far from zero; with a heavy tail; all equal; denormal; mostly zeros."""
_FAR, _LARGEST, _DENORMAL, _ZEROS = 1000.0, 1e6, 1e-39, 0.9
LEAST = float(np.finfo(np.float32).tiny)
"""The smallest normal number. Below it products lose bits; with this for each term in the scale of errors they may."""
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def floats(rng: np.random.Generator, shape: Sequence[int], mix: str = "normal") -> Floats:
    """An array of a mix. What is heavy stays below a million, so that sums of a row are finite."""
    size = tuple(shape)
    values = rng.standard_normal(size, dtype=np.float32)
    if mix == "normal":
        return values
    if mix == "offset":
        return np.asarray(values + np.float32(_FAR * rng.choice([-1, 1])), np.float32)
    if mix == "heavy":
        return np.clip(rng.standard_cauchy(size), -_LARGEST, _LARGEST).astype(np.float32)
    if mix == "constant":
        return np.full(size, rng.standard_normal(), np.float32)
    if mix == "tiny":
        return np.asarray(values * np.float32(_DENORMAL), np.float32)
    if mix == "sparse":
        return np.where(rng.random(size) < _ZEROS, np.float32(0), values)
    raise ValueError(f"expected one of {', '.join(MIXES)}; got {mix!r}")


def beside(mix: str) -> str:
    """The mix of the other factors where those of one kind have `mix`.

    Were all products equal, their rounding would go one way, and sums in another order be much more exact; and of two
    denormal factors nothing would be left.
    """
    return "normal" if mix in ("constant", "tiny") else mix
