"""The heights of a step function. Only the block between the markers may change."""

# EVOLVE-BLOCK-START
HEIGHTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
# How often each step is split in two, with heights a quarter of the way to its neighbours.
SPLITS = 0


def split(heights: list[float]) -> list[float]:
    """Twice as many steps."""
    found = []
    before, last = heights[:1] + heights[:-1], heights[1:] + heights[-1:]
    for left, here, right in zip(before, heights, last, strict=True):
        found.append(0.75 * here + 0.25 * left)
        found.append(0.75 * here + 0.25 * right)
    return found


def construct() -> list[float]:
    """The heights, split."""
    heights = HEIGHTS
    for _ in range(SPLITS):
        heights = split(heights)
    return heights


# EVOLVE-BLOCK-END
