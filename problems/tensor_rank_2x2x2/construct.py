"""A scheme for 2 x 2 by 2 x 2 matrices. Only the block between the markers may change."""

N, M, P = 2, 2, 2
Term = tuple[list[int], list[int], list[int]]

# EVOLVE-BLOCK-START


def unit(place: int, length: int) -> list[int]:
    """The coefficients that pick one entry of a matrix."""
    return [1 if i == place else 0 for i in range(length)]


def construct() -> list[Term]:
    """The definition of the product: one term for each row of A, column of B and place between them."""
    terms = []
    for i in range(N):
        for j in range(P):
            for k in range(M):
                terms.append((unit(i * M + k, N * M), unit(k * P + j, M * P), unit(i * P + j, N * P)))
    return terms


# EVOLVE-BLOCK-END
