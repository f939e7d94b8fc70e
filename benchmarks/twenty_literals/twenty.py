"""Twenty numbers to tune."""


def solve():
    """Return the twenty numbers."""
    # EVOLVE-BLOCK-START
    return [
        0.0,
        0.1,
        -0.2,
        0.3,
        0.4,
        -0.5,
        0.6,
        0.7,
        -0.8,
        0.9,
        0.5,
        -0.4,
        0.3,
        0.2,
        -0.1,
        0.15,
        0.25,
        -0.35,
        0.45,
        0.55,
    ]
    # EVOLVE-BLOCK-END
