"""A set of whole numbers with many differences. Only the block between the markers may change."""

# EVOLVE-BLOCK-START
# Steps between neighbours from 0 on: how many of them, and how long each is.
STEPS = [(40, 1), (40, 40)]


def construct() -> list[int]:
    """Walk from 0 and note every place."""
    place = 0
    found = [place]
    for count, length in STEPS:
        for _ in range(count):
            place = place + length
            found.append(place)
    return found


# EVOLVE-BLOCK-END
