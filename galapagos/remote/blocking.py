"""The same client for programs that do not await: scripts and notebooks."""

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evolution.commands import Command
from evolution.limits import Group
from evolution.run import Budget, ModelChoice, RunConfig, RunState
from galapagos.remote.blocking_administration import BlockingAdministration
from galapagos.remote.client import AsyncClient
from server.schemas.fleet import Fleet
from server.schemas.models import ModelLine
from server.schemas.people import Me
from server.schemas.problems import ProblemDetail, ProblemLine, UploadedProblem
from server.schemas.programs import ModelCall, ProgramDetail, ProgramLine, Verification
from server.schemas.results import Cell, Comparison, Record, Spend
from server.schemas.runs import AskedCommand, RunDetail, RunLine, RunPriority
from server.schemas.spending import Spent


class Client(BlockingAdministration):
    """`AsyncClient` with methods that wait; a context manager. It works in a thread of its own, so in notebooks too.

    `url` and `token` are those of GALAPAGOS_URL and GALAPAGOS_TOKEN (or GALAPAGOS_TOKEN_FILE) if they are left out. Every
    method does what the method of that name of `AsyncClient` does, and raises the same.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        super().__init__(AsyncClient(url, token, timeout_s=timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def me(self) -> Me:
        """Who the token stands for."""
        return self._wait(self._client.me)

    def fleet(self) -> Fleet:
        """The processes of the service, and what waits for them."""
        return self._wait(self._client.fleet)

    def submit(self, problem: str | Path, project: int = 1) -> UploadedProblem:
        """Send a problem's folder."""
        return self._wait(self._client.submit, problem, project)

    def problems(self, project: int | None = None, name: str | None = None) -> Generator[ProblemLine]:
        """The revisions that the caller's projects know."""
        return self._each(self._client.problems(project, name))

    def problem(self, revision: str) -> ProblemDetail:
        """One revision."""
        return self._wait(self._client.problem, revision)

    def models(self, project: int | None = None) -> Generator[ModelLine]:
        """The models that runs may name."""
        return self._each(self._client.models(project))

    def start(self, problem: str, config: RunConfig | None = None, *, seed: int | None = None, project: int = 1) -> RunDetail:
        """Start a run."""
        return self._wait(self._client.start, problem, config, seed=seed, project=project)

    def fork(self, run: int, program: int, config: RunConfig | None = None, *, seed: int | None = None) -> RunDetail:
        """Start a run from a program of another one."""
        return self._wait(self._client.fork, run, program, config, seed=seed)

    def runs(self, project: int | None = None, problem: str | None = None, state: RunState | None = None) -> Generator[RunLine]:
        """Runs of the caller's projects."""
        return self._each(self._client.runs(project, problem, state))

    def run(self, run: int) -> RunDetail:
        """How a run stands."""
        return self._wait(self._client.run, run)

    def tell(self, run: int, command: Command) -> AskedCommand:
        """Tell a run something."""
        return self._wait(self._client.tell, run, command)

    def commands(self, run: int) -> Generator[AskedCommand]:
        """What a run was told."""
        return self._each(self._client.commands(run))

    def command(self, run: int, command: int) -> AskedCommand:
        """What became of one of them."""
        return self._wait(self._client.command, run, command)

    def pause(self, run: int) -> AskedCommand:
        """Let a run ask for nothing new."""
        return self._wait(self._client.pause, run)

    def resume(self, run: int) -> AskedCommand:
        """Let a paused run go on."""
        return self._wait(self._client.resume, run)

    def stop(self, run: int) -> AskedCommand:
        """End a run."""
        return self._wait(self._client.stop, run)

    def set_budget(self, run: int, budget: Budget) -> AskedCommand:
        """Give a run other limits."""
        return self._wait(self._client.set_budget, run, budget)

    def set_models(self, run: int, models: Sequence[ModelChoice]) -> AskedCommand:
        """Let a run ask other models."""
        return self._wait(self._client.set_models, run, models)

    def set_priority(self, run: int, priority: float) -> RunPriority:
        """Give a run another share among the runs of its project."""
        return self._wait(self._client.set_priority, run, priority)

    def reopen(self, run: int, budget: Budget) -> RunDetail:
        """Let a run that has ended go on."""
        return self._wait(self._client.reopen, run, budget)

    def programs(self, run: int, sort: str = "number", **filters: Any) -> Generator[ProgramLine]:
        """Programs of a run."""
        return self._each(self._client.programs(run, sort, **filters))

    def program(self, run: int, number: int) -> ProgramDetail:
        """A program with its source and what became of it."""
        return self._wait(self._client.program, run, number)

    def verify(self, run: int, number: int) -> AskedCommand:
        """Have a program verified once more."""
        return self._wait(self._client.verify, run, number)

    def verifications(self, run: int, number: int) -> Generator[Verification]:
        """All verifications of a program."""
        return self._each(self._client.verifications(run, number))

    def calls(self, run: int, number: int) -> list[ModelCall]:
        """Prompts and answers of the models that were asked for a program."""
        return self._wait(self._client.calls, run, number)

    def ancestors(self, run: int, number: int) -> Generator[ProgramLine]:
        """The parent of a program, the parent of that, up to the seed."""
        return self._each(self._client.ancestors(run, number))

    def children(self, run: int, number: int) -> Generator[ProgramLine]:
        """What was made of a program."""
        return self._each(self._client.children(run, number))

    def best(self, run: int) -> ProgramDetail | None:
        """The verified best program, or the best so far."""
        return self._wait(self._client.best, run)

    def diff(self, run: int, number: int, to: str = "parent") -> str:
        """A unified diff of a program from another."""
        return self._wait(self._client.diff, run, number, to)

    def archive(self, run: int, island: int | None = None) -> Generator[Cell]:
        """The filled cells of a run's archive."""
        return self._each(self._client.archive(run, island))

    def records(self, run: int) -> Generator[Record]:
        """The best-so-far curve of a run."""
        return self._each(self._client.records(run))

    def spend(self, run: int) -> Spend:
        """What a run cost."""
        return self._wait(self._client.spend, run)

    def spending(self, by: Group = Group.PROJECT, project: int | None = None, since: date | None = None) -> Generator[Spent]:
        """What was spent by each project, person, run or model."""
        return self._each(self._client.spending(by, project, since))

    def compare(self, runs: Sequence[int]) -> Comparison:
        """The best-so-far curves of up to 16 runs."""
        return self._wait(self._client.compare, runs)

    def export(self, run: int, path: Path, kind: str = "jsonl") -> int:
        """Write a run to a file."""
        return self._wait(self._client.export, run, path, kind)

    def frame(self, run: int) -> Any:
        """The proposals of a run as a `pandas.DataFrame`."""
        return self._wait(self._client.frame, run)

    def curves(self, runs: Sequence[int]) -> Any:
        """The best-so-far curves of runs as one `pandas.DataFrame`."""
        return self._wait(self._client.curves, runs)

    def events(self, run: int, after: int = 0) -> Generator[Mapping[str, Any]]:
        """The log of a run, then live."""
        return self._each(self._client.events(run, after))

    def wait(self, run: int, tell: Callable[[RunDetail], None] | None = None) -> RunDetail:
        """Wait until a run has ended."""
        return self._wait(self._client.wait, run, tell)
