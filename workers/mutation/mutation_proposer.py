"""Children for the proposals that need no model: reads what they are made of, and remembers it for the next ones."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from database import problems, programs, runs, tuning_views
from database.engine import Connection
from database.errors import NotFound
from database.proposals import ClaimedProposal
from evolution.language import Language
from evolution.program import Program
from evolution.proposal import Operator, TuningStep
from evolution.randomness import stream
from evolution.run import Order
from evolution.words import Word, WordError, read_vocabulary
from workers.mutation.mutant import Mutant, Parsed, mutants, read_program
from workers.mutation.tuning import TuningSession

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LOG = logging.getLogger("workers.mutation")
_ALL = 2**31
# A character of source takes one or two bytes as text, and about a hundred as a syntax tree.
KEPT_CHARACTERS = 2_000_000
KEPT_PARSED_CHARACTERS = 100_000
KEPT_OTHERS = 32


class Recent(Generic[K, V]):
    """The values that were used last, as long as their weights, 1 each unless said, sum up to at most `room`."""

    def __init__(self, room: int, weight: Callable[[V], int] | None = None) -> None:
        self._room = room
        self._weight = weight
        self._values: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __getitem__(self, key: K) -> V:
        self._values.move_to_end(key)
        return self._values[key]

    def get(self, key: K) -> V | None:
        """The value, None if it is not kept."""
        if key not in self:
            return None
        return self[key]

    def __setitem__(self, key: K, value: V) -> None:
        if key in self._values:
            self._room += self._weighed(self._values.pop(key))
        self._values[key] = value
        self._room -= self._weighed(value)
        while self._room < 0 and len(self._values) > 1:
            self._room += self._weighed(self._values.popitem(last=False)[1])

    def _weighed(self, value: V) -> int:
        return 1 if self._weight is None else self._weight(value)


def _characters(program: Program | Parsed) -> int:
    return sum(map(len, program.files.values()))


@dataclass(frozen=True, slots=True)
class Frame:
    """What a problem lays down for mutation."""

    language: Language
    words: tuple[Word, ...]
    characters: int


@dataclass(frozen=True, slots=True)
class Material:
    """All that the child of one proposal is made of. `scores` are those of a tuning session's earlier generations.

    `known_up_to` is the number up to which programs of the run count as known: a child that repeats one of them is
    drawn again. Under `FIXED_LAG` it ends where the proposal's view of the run ends, so that timing changes no child.
    """

    claimed: ClaimedProposal
    frame: Frame
    parent: Program
    inspirations: tuple[Program, ...]
    scores: dict[tuple[int, int], float]
    known_up_to: int


class MutationProposer:
    """Proposer for `MUTATE` and `TUNE`. It needs nothing but the program database, and loses nothing when it dies."""

    def __init__(self) -> None:
        self._frames: Recent[str, Frame] = Recent(KEPT_OTHERS)
        self._lags: Recent[int, int] = Recent(KEPT_OTHERS)
        self._programs: Recent[tuple[int, int], Program] = Recent(KEPT_CHARACTERS, _characters)
        self._parsed: Recent[tuple[int, int], Parsed] = Recent(KEPT_PARSED_CHARACTERS, _characters)
        self._sessions: Recent[tuple[int, int], TuningSession] = Recent(KEPT_OTHERS)

    async def gather(self, connection: Connection, claimed: Sequence[ClaimedProposal]) -> list[Material]:
        """Read what a batch of proposals needs; what was read lately is not read again.

        Raises:
            NotFound: the problem, the run or a parent does not exist.
        """
        found: list[Material] = []
        loaded = await self._load_programs(connection, claimed)
        scores: dict[tuple[int, TuningStep], dict[tuple[int, int], float]] = {}
        for proposal in claimed:
            step = proposal.tuning
            key = (proposal.run, TuningStep(step.session, step.generation, 0, step.population)) if step else None
            if key is not None and key not in scores:
                scores[key] = await self._earlier_scores(connection, proposal.run, key[1])
            found.append(
                Material(
                    claimed=proposal,
                    frame=await self._frame(connection, proposal.problem),
                    parent=loaded[proposal.run, proposal.parent],
                    inspirations=tuple(
                        loaded[proposal.run, number]
                        for number in proposal.inspirations
                        if (proposal.run, number) in loaded and number != proposal.parent
                    ),
                    scores=scores[key] if key is not None else {},
                    known_up_to=proposal.number - lag if (lag := await self._lag(connection, proposal.run)) else _ALL,
                )
            )
        return found

    async def _load_programs(
        self, connection: Connection, claimed: Sequence[ClaimedProposal]
    ) -> dict[tuple[int, int], Program]:
        needed = dict.fromkeys(
            (proposal.run, number) for proposal in claimed for number in (proposal.parent, *proposal.inspirations)
        )
        loaded = {key: self._programs[key] for key in needed if key in self._programs}
        for run in {run for run, _ in needed}:
            missing = [number for other, number in needed if other == run and (run, number) not in loaded]
            if missing:
                for number, program in (await programs.load(connection, run, missing)).items():
                    loaded[run, number] = self._programs[run, number] = program
        for proposal in claimed:
            if (proposal.run, proposal.parent) not in loaded:
                raise NotFound(
                    f"proposal {proposal.number} of run {proposal.run} has the parent {proposal.parent}, which is missing"
                )
        return loaded

    async def _frame(self, connection: Connection, revision: str) -> Frame:
        if revision not in self._frames:
            definition = (await problems.load(connection, revision)).definition
            try:
                words = read_vocabulary(definition.mutation.vocabulary)
            except WordError as error:
                # Such a problem was stored by an older version; plain arithmetic still serves its runs.
                LOG.error("problem %s: %s", revision, error)  # noqa: TRY400 - the text says all, a trace adds nothing
                words = read_vocabulary(())
            self._frames[revision] = Frame(definition.language, words, definition.limits.source_kib * 1024)
        return self._frames[revision]

    async def _lag(self, connection: Connection, run: int) -> int:
        if run not in self._lags:
            config = await runs.load_config(connection, run)
            self._lags[run] = config.lag if config.order is Order.FIXED_LAG else 0
        return self._lags[run]

    async def _earlier_scores(self, connection: Connection, run: int, step: TuningStep) -> dict[tuple[int, int], float]:
        key = (run, step.session)
        if step.generation == 0 or (key in self._sessions and self._sessions[key].generation == step.generation):
            return {}
        return await tuning_views.earlier_scores(connection, run, step.session, step.generation)

    def children(self, material: Material) -> Iterator[Mutant]:
        """Children to choose from, the first that the run does not have being the answer; empty if there is none."""
        if material.claimed.tuning is not None:
            return iter(self._tuned(material, material.claimed.tuning))
        return self._mutated(material)

    def _mutated(self, material: Material) -> Iterator[Mutant]:
        language = material.frame.language
        generator = stream(material.claimed.run_seed, Operator.MUTATE.value, material.claimed.number)
        inspirations = [self._reader(program, language) for program in material.inspirations]
        for mutant in mutants(self._read(material.parent, language), inspirations, material.frame.words, generator):
            if sum(map(len, mutant.files.values())) <= material.frame.characters:
                yield mutant

    def _tuned(self, material: Material, step: TuningStep) -> list[Mutant]:
        key = (material.claimed.run, step.session)
        session = self._sessions.get(key)
        try:
            if session is None or session.generation > step.generation:
                parent = self._read(material.parent, material.frame.language)
                session = self._sessions[key] = TuningSession(parent, material.claimed.run_seed, step.session, step.population)
            while session.generation < step.generation:
                generation = session.generation
                session.tell([material.scores.get((generation, index)) for index in range(step.population)])
            return [session.candidate(step.index)]
        except (ValueError, SyntaxError):
            return []

    def _reader(self, program: Program, language: Language) -> Callable[[], Parsed]:
        return lambda: self._read(program, language)

    def _read(self, program: Program, language: Language) -> Parsed:
        key = (program.run, program.number)
        if key not in self._parsed:
            self._parsed[key] = read_program(program.files, language, program.normalised_hash)
        return self._parsed[key]
