"""When a judge has held: what it may make of an answer or a program that an audit changed."""

from collections.abc import Callable

from evaluators.audit.session import Reply, Session
from evaluators.audit.weaknesses import ADVICE, Probed, Weakness
from evolution.evaluation import Verdict

Rule = Callable[[Session, Reply], bool]
_SURELY = 0.5


def anything(_session: Session, _reply: Reply) -> bool:
    """It may say what it likes, as long as it does not fail itself."""
    return True


def not_better(session: Session, reply: Reply) -> bool:
    """It may be scored, but no better than the seed."""
    return reply.score is None or reply.score <= session.seed + session.margin


def trivial(session: Session, reply: Reply) -> bool:
    """It may be scored, but no better than the seed, or than the weakest value that problem.toml knows."""
    return reply.score is None or reply.score <= session.trivial + session.margin


def worse(session: Session, reply: Reply) -> bool:
    """It must be refused, or scored worse than the seed; where time is the score, worse by far."""
    if reply.score is None:
        return True
    if session.timed:
        return reply.score < session.seed - _SURELY * abs(session.seed)
    return reply.score < session.seed - session.margin


def equal(session: Session, reply: Reply) -> bool:
    """It must be scored as the seed is."""
    return reply.score is not None and abs(reply.score - session.seed) <= session.margin


def probed(session: Session, weakness: Weakness, probe: str, reply: Reply, rule: Rule) -> Probed:
    """What a probe showed; a judge that fails of itself has never held."""
    if reply.is_fault:
        return Probed(
            weakness,
            probe,
            held=False,
            said=first_words(reply.text),
            why="the judge fails instead of refusing: the evaluation is repeated and has no verdict, at your cost",
            do=ADVICE[Weakness.VALUES].do,
        )
    if rule(session, reply):
        return Probed(weakness, probe, held=True)
    return Probed(weakness, probe, held=False, said=said(session, reply), why=ADVICE[weakness].why, do=ADVICE[weakness].do)


def said(session: Session, reply: Reply) -> str:
    """The judge's reply in words, with the seed's score beside it."""
    sign = session.definition.score.sign
    if reply.score is None:
        verdict = reply.verdict.value if reply.verdict else "the judge failed"
        return f"{verdict}: {first_words(reply.text)}; the seed: {sign * session.seed:.12g}"
    return f"{Verdict.SCORED.value} {sign * reply.score:.12g}; the seed: {sign * session.seed:.12g}"


def first_words(text: str, longest: int = 240) -> str:
    """The end of a text in one line: what a traceback says is in its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "(nothing)"
    whole = f"{lines[0]} ... {lines[-1]}" if len(lines) > 2 else " ".join(lines)
    return whole if len(whole) <= longest else f"{whole[: longest // 2]}...{whole[-longest // 2 :]}"
