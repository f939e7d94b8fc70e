"""Children for the proposals of programs that people gave: checked as any child is, and by the same parts."""

from collections.abc import Sequence

from database import commands, problems, programs
from database.engine import Connection
from database.proposals import ClaimedProposal
from evolution.evolve_blocks import EvolveBlockError
from evolution.injection import InjectionRefused, injected
from evolution.normalise import normalise
from evolution.problem import Problem
from evolution.proposal import Refusal
from workers.child import Child, Refused
from workers.mutation.mutant import Mutant


async def children(
    connection: Connection, claimed: Sequence[ClaimedProposal]
) -> list[tuple[ClaimedProposal, Mutant | Refused]]:
    """What becomes of each of these proposals, whose operator is `INJECT`.

    Raises:
        NotFound: the problem does not exist.
    """
    wanted = [one.injection for one in claimed if one.injection is not None]
    files = await commands.given_files(connection, wanted) if wanted else {}
    made: list[tuple[ClaimedProposal, Mutant | Refused]] = []
    for one in claimed:
        problem = await problems.load(connection, one.problem)
        parents = await programs.load(connection, one.run, [one.parent])
        try:
            child = injected(parents[one.parent].files, files.get(one.injection or 0, {}), problem.definition.limits.source_kib)
        except InjectionRefused as refused:
            made.append((one, Refused(refused.reason, str(refused))))
        else:
            made.append((one, checked(Child(child), problem)))
    return made


def checked(child: Child, problem: Problem) -> Mutant | Refused:
    """A child that may be stored, or what is wrong with its text."""
    try:
        return Mutant(child.files, normalise(child.files, problem.definition.language))
    except SyntaxError as error:
        return Refused(Refusal.SYNTAX_ERROR, f"line {error.lineno}: {error.msg}")
    except EvolveBlockError as error:
        return Refused(Refusal.OUTSIDE_EVOLVE_BLOCK, str(error))
