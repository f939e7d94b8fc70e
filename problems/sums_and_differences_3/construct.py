"""A set of whole numbers. Only the block between the markers may change."""

# EVOLVE-BLOCK-START
# Numbers are written in this base, with these digits, in so many places.
BASE = 9
DIGITS = [0, 1, 2, 4]
PLACES = 2


def construct() -> list[int]:
    """All numbers with these digits."""
    found = [0]
    for _ in range(PLACES):
        found = [BASE * number + digit for number in found for digit in DIGITS]
    return found


# EVOLVE-BLOCK-END
