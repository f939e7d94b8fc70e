"""Probes that need several replies: how much is tolerated, whether scale and order matter, whether draws differ."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from evaluators.audit.rules import anything, not_better, probed, said, worse
from evaluators.audit.session import Function, Reply, Session
from evaluators.audit.weaknesses import ADVICE, Probed, Weakness
from evolution.evaluation import Verdict

_LITTLE = (("scaled", 1, "times 1 +"), ("scaled", -1, "times 1 -"), ("shifted", 1, "plus"), ("shifted", -1, "minus"))
_SMALLEST, _SMALL, _LARGE = 1e-12, 1e-6, 1e-2
_TINY, _SUSPICIOUS = 1e-14, 2e-4
_HALVINGS = 8
_USUAL, _EXTREME = (2.0, 0.5), (1e-6, 1e-13, 1e-30, 1e-150, 1e30, 1e150)
_SCALE_MATTERS = 1e-2
_ORDERS = 6
_PLACES = (0.0, 0.21, 0.43, 0.57, 0.78, 0.999)
_CLAIMS = (1e-6, 1e-3, 0.5, 1e6)
_DRAWS = (1, 2)
_EQUAL = 1e-9


def _hole(weakness: Weakness, probe: str, said_: str, why: str = "", do: str = "") -> Probed:
    advice = ADVICE[weakness]
    return Probed(weakness, probe, held=False, said=said_, why=why or advice.why, do=do or advice.do)


def _plan(function: Function, alter: str, by: float, places: Sequence[int | None] = (None, None, None)) -> dict[str, Any]:
    return {"alter": alter, "function": function.name, "by": by, "places": list(places)}


async def tolerance(session: Session, function: Function) -> AsyncIterator[Probed]:
    """Let numbers grow or shrink by more and more: a gain that ends at a ten-thousandth or less ends at a tolerance.

    The slack that a seed leaves is none at all or far larger.
    """
    for alter, sign, words in (
        ("scaled", 1, "times 1 +"),
        ("scaled", -1, "times 1 -"),
        ("shifted", 1, "plus"),
        ("shifted", -1, "minus"),
    ):
        if alter not in function.alters or session.timed:
            continue
        for where, places in function.slices:
            probe = f"{function.name}: {where} {words} a little"

            async def reply(size: float, alter: str = alter, sign: int = sign, places: Any = places) -> Reply:
                by = sign * size if alter == "shifted" else 1 + sign * size
                return await session.run(_plan(function, alter, by, places))

            large = await reply(_LARGE)
            if large.is_fault or large.verdict is Verdict.SCORED:
                yield probed(session, Weakness.TOLERANCE, probe, large, anything)
                continue
            yield await _ladder(session, probe, reply)


async def _ladder(session: Session, probe: str, reply: Any) -> Probed:
    gained: Reply | None = None
    for size in (_SMALL, 1e-9, _SMALLEST):
        tried: Reply = await reply(size)
        if tried.score is not None:
            gained = tried if tried.score > session.seed else None
            break
    else:
        size = 0.0
    if gained is None:
        return Probed(Weakness.TOLERANCE, probe, held=True)
    low, high = size, _LARGE
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        tried = await reply(middle)
        if tried.score is not None and tried.score > session.seed:
            low, gained = middle, tried
        else:
            high = middle
    if not _TINY < low < _SUSPICIOUS:
        return Probed(Weakness.TOLERANCE, probe, held=True)
    return _hole(
        Weakness.TOLERANCE,
        probe,
        f"{said(session, gained)}, at a change of {low:.3g}; from {high:.3g} on it is refused",
        "a change of this size is taken, with a better score, and a little more is refused: that looks like a tolerance",
    )


async def scale(session: Session, function: Function) -> AsyncIterator[Probed]:
    """Where the score does not change with the size of numbers, it may not change at extreme sizes either."""
    if "scaled" not in function.alters or session.timed:
        return
    width = next((places[2] for words, places in function.slices if words == "column 0"), None)
    places: list[tuple[str, tuple[int | None, int | None, int | None]]] = [("all numbers", (None, None, None))]
    if width is not None:
        places.append(("the first element", (0, width, None)))
    for where, chosen in places:
        usual = [await session.run(_plan(function, "scaled", by, chosen)) for by in _USUAL]
        if not all(_as_seed(session, reply, _EQUAL) for reply in usual):
            continue
        for by in _EXTREME:
            probe = f"{function.name}: {where} times {by:g}, where the double is worth the same"
            reply = await session.run(_plan(function, "scaled", by, chosen))
            # Less than that, and for the worse, is what numbers lose that are put onto a grid.
            if reply.score is None or (_as_seed(session, reply, _SCALE_MATTERS) and not_better(session, reply)):
                yield probed(session, Weakness.TOLERANCE, probe, reply, anything)
                continue
            yield _hole(
                Weakness.TOLERANCE,
                probe,
                said(session, reply),
                "size does not matter, and then it does: something is clamped, as in v / max(|v|, 1e-12), which leaves "
                "short vectors inside of the sphere",
                "refuse what cannot be normalised, and normalise exactly",
            )


def _as_seed(session: Session, reply: Reply, relative: float) -> bool:
    return reply.score is not None and abs(reply.score - session.seed) <= relative * max(1e-12, abs(session.seed))


async def order(session: Session, function: Function) -> AsyncIterator[Probed]:
    """Where most orders of the elements are worth the same, no order may be worth more."""
    if "shuffled" not in function.alters or function.has_inputs:
        return
    replies = [await session.run(_plan(function, "shuffled", float(number))) for number in range(_ORDERS)]
    equal = sum(_as_seed(session, reply, _EQUAL) for reply in replies)
    for number, reply in enumerate(replies):
        probe = f"{function.name}: elements in another order ({number + 1})"
        rule = not_better if equal > _ORDERS // 2 else anything
        yield probed(session, Weakness.METAMORPHIC, probe, reply, rule)


async def coverage(session: Session, function: Function) -> AsyncIterator[Probed]:
    """One wrong number in an answer to given data: of timed work each must be found, of other work not every one missed."""
    if not function.has_inputs or "corrupted" not in function.alters:
        return
    replies = [await session.run(_plan(function, "corrupted", by)) for by in _PLACES]
    missed = [not worse(session, reply) for reply in replies]
    for by, reply in zip(_PLACES, replies, strict=True):
        probe = f"{function.name}: one wrong number, {by:.0%} into every answer"
        rule = worse if session.timed or all(missed) else anything
        yield probed(session, Weakness.COVERAGE, probe, reply, rule)


async def claims(session: Session, function: Function) -> AsyncIterator[Probed]:
    """Raise, in the direction that is better, what stands alone in the answer and is as good as the score."""
    sign = session.definition.score.sign
    for place in function.claims:
        for size in _CLAIMS:
            by = size * abs(session.seed)
            reply = await session.run(_plan(function, "raised", sign * by, (place, place + 1, None)))
            probe = f"{function.name}: number {place}, which equals the score, better by {by:.3g}"
            moved = reply.score is not None and reply.score - session.seed > by / 2
            if moved:
                yield _hole(Weakness.CLAIMS, probe, said(session, reply))
            else:
                yield probed(session, Weakness.CLAIMS, probe, reply, anything)


async def draws(session: Session, function: Function) -> AsyncIterator[Probed]:
    """Whether what is given differs between draws, and within timed calls."""
    other = next((one for one in session.other_draw if one.name == function.name), None)
    if function.timed:
        probe = f"{function.name}: is no input timed twice?"
        held = not function.repeated
        why = "an input was timed twice in one evaluation: the second answer can be kept from the first"
        yield Probed(Weakness.MEMORY, probe, held=True) if held else _hole(Weakness.MEMORY, probe, why, why)
    if other is None or function.given_numbers == 0 or (function.given_numbers <= 8 and len(function.inputs) < 2):
        return
    probe = f"{function.name}: does another draw ask for something else?"
    known = len(other.inputs & function.inputs)
    if 2 * known > len(other.inputs):
        yield _hole(Weakness.MEMORY, probe, f"{known} of {len(other.inputs)} inputs are the same on another draw")
    else:
        yield Probed(Weakness.MEMORY, probe, held=True)


async def determinism(session: Session) -> AsyncIterator[Probed]:
    """Equal draws must give equal scores unless time is the score; so must all draws where nothing is given."""
    sign = session.definition.score.sign
    if session.timed:
        return
    probe = "the seed twice on equal draws"
    if session.spread > 0:
        yield _hole(Weakness.DETERMINISM, probe, f"scores differ by {session.spread:.6g}; one is {sign * session.seed:.12g}")
    else:
        yield Probed(Weakness.DETERMINISM, probe, held=True)
    if not session.functions or any(function.has_inputs for function in session.functions):
        return
    for draw in _DRAWS:
        reply = await session.run(draw=draw)
        probe = f"the seed on another draw ({draw}), where nothing is given to it"
        if reply.is_fault or _as_seed(session, reply, 0.0) or session.spread > 0:
            yield probed(session, Weakness.DETERMINISM, probe, reply, anything)
        else:
            yield _hole(
                Weakness.DETERMINISM,
                probe,
                said(session, reply),
                "one answer has several scores: the judge samples, and a lucky draw counts as progress",
            )
