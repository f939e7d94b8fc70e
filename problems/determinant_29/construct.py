"""A 29 x 29 matrix of signs. Only the block between the markers may change."""

ORDER = 29

# EVOLVE-BLOCK-START
# The first row; each following one is the row before, moved on by one place.
FIRST = [1, 1, 1, -1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1, 1, 1, -1, -1, 1, -1, -1, 1, 1, -1, -1, 1]


def entry(i: int, j: int) -> int:
    """The number whose sign stands in row i and column j."""
    place = (j - i) % ORDER
    return FIRST[place]


def construct() -> list[list[int]]:
    """The signs of all entries."""
    rows = []
    for i in range(ORDER):
        row = []
        for j in range(ORDER):
            value = entry(i, j)
            row.append(1 if value > 0 else -1)
        rows.append(row)
    return rows


# EVOLVE-BLOCK-END
