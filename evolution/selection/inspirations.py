"""Which other programs are shown beside a parent."""

from numpy.random import Generator

from evolution.state import SearchState


def draw_inspirations(state: SearchState, index: int, parent: int, count: int, rng: Generator) -> tuple[tuple[int, ...], float]:
    """Up to `count` programs other than the parent, and the probability of drawing them in this order.

    The best of island `index`, then elites of its other cells, last one of another island if this one is mature. Fewer
    come back while the archives hold fewer, or when the one of the other island is banned, or a copy of one that was chosen.
    """
    archive = state.islands[index].archive
    chosen: list[int] = []
    best = archive.best()
    if count and best is not None and best.number != parent:
        chosen.append(best.number)
    abroad = len(state.islands) > 1 and not state.islands[index].alone and count - len(chosen) >= 2
    barred = sorted({*archive.barred(), *(archive.index_of(number) for number in {parent, *chosen} if number in archive)})
    chance = 1.0
    for _ in range(min(count - len(chosen) - abroad, len(archive) - len(barred))):
        left = len(archive) - len(barred)
        place = int(rng.integers(left))
        chance /= left
        for index_barred in barred:
            place += place >= index_barred
        barred = sorted([*barred, place])
        chosen.append(archive.at(place).number)
    if abroad:
        found, likely = _from_another(state, index, {parent, *chosen, *state.banned}, rng)
        chance *= likely
        chosen += found
    return tuple(chosen), chance


def _from_another(state: SearchState, index: int, barred: set[int], rng: Generator) -> tuple[list[int], float]:
    others = [island.archive for number, island in enumerate(state.islands) if number != index]

    def chance(program: int) -> float:
        return sum((program in archive) / len(archive) for archive in others) / len(others)

    archive = others[int(rng.integers(len(others)))]
    drawn = archive.at(int(rng.integers(len(archive)))).number
    if drawn in barred:
        return [], sum(chance(program) for program in barred)
    return [drawn], chance(drawn)
