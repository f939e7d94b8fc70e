"""A service from Python: problems, runs, programs, events, exports; each answer is a typed value of the service's own."""

import asyncio
import io
import json
import re
import tarfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evolution.commands import Command, Pause, Resume, SetBudget, SetModels, Stop, VerifyProgram
from evolution.limits import Group
from evolution.run import Budget, ModelChoice, RunConfig, RunState
from galapagos.problem_folder import find_problem_folder, read_files
from galapagos.remote import frames
from galapagos.remote.administration import Administration
from galapagos.remote.connection import Again, Connection
from galapagos.remote.failures import ServiceUnavailable
from galapagos.settings import remote_settings
from server.schemas.fleet import Fleet
from server.schemas.models import ModelLine
from server.schemas.people import Me
from server.schemas.problems import ProblemDetail, ProblemLine, UploadedProblem
from server.schemas.programs import ModelCall, ProgramDetail, ProgramDiff, ProgramLine, Verification
from server.schemas.results import Cell, Comparison, Record, Spend
from server.schemas.runs import AskedCommand, RunDetail, RunLine, RunPriority
from server.schemas.spending import Spent

RECONNECT_S = 1.0
LOOK_S = 1.0
AWAY_S = 300.0
"""A service that does not answer for so long is not waited for any longer."""


class AsyncClient(Administration):
    """A service, as one person sees it; an async context manager.

    `url` and `token` are those of GALAPAGOS_URL and GALAPAGOS_TOKEN (or GALAPAGOS_TOKEN_FILE) if they are left out.

    Raises:
        SettingsError: the environment, the address or the token cannot be used.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        if url is None or token is None:
            settings = remote_settings()
            url, token = url or settings.url, token or settings.token
        self.connection = Connection(url, token, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.close()

    async def me(self) -> Me:
        """Who the token stands for, and what that person may do in which project."""
        return await self._ask(Me, "GET", "/me")

    async def fleet(self) -> Fleet:
        """The processes of the service, and what waits for them."""
        return await self._ask(Fleet, "GET", "/fleet")

    async def submit(self, problem: str | Path, project: int = 1) -> UploadedProblem:
        """Send a problem's folder (a path, or the name of a built-in problem); folders of other systems are translated.

        Raises:
            ProblemError: there is no such folder, or it holds what no problem may hold.
            ServiceError, ServiceUnavailable: it was not taken.
        """
        folder = find_problem_folder(problem)
        packed = await asyncio.to_thread(_packed, folder)
        parameters = {"project": project, "name": _plain_name(folder)}
        return await self._ask(
            UploadedProblem,
            "POST",
            "/problems",
            parameters=parameters,
            content=packed,
            content_type="application/gzip",
            again=Again.HARMLESS,
        )

    async def problems(self, project: int | None = None, name: str | None = None) -> AsyncGenerator[ProblemLine]:
        """The revisions that the caller's projects know, newest first."""
        async for item in self._pages(ProblemLine, "/problems", {"project": project, "name": name}):
            yield item

    async def problem(self, revision: str) -> ProblemDetail:
        """One revision, with its definition and the names of its files."""
        return await self._ask(ProblemDetail, "GET", f"/problems/{revision}")

    async def models(self, project: int | None = None) -> AsyncGenerator[ModelLine]:
        """The models that runs of a project, or of any of the caller's, may name, with prices and limits."""
        async for item in self._pages(ModelLine, "/models", {"project": project}):
            yield item

    async def start(
        self, problem: str, config: RunConfig | None = None, *, seed: int | None = None, project: int = 1
    ) -> RunDetail:
        """Start a run of a problem that the service knows, by revision or by name (then its newest revision)."""
        given = {} if config is None else config.model_dump(mode="json")
        body = {"problem": problem, "project": project, "config": given, "seed": seed}
        return await self._ask(RunDetail, "POST", "/runs", body=body, again=Again.BY_KEY)

    async def fork(self, run: int, program: int, config: RunConfig | None = None, *, seed: int | None = None) -> RunDetail:
        """Start a run of the same problem whose seed program is a program of this one; by default with its configuration."""
        given = None if config is None else config.model_dump(mode="json")
        body = {"program": program, "config": given, "seed": seed}
        return await self._ask(RunDetail, "POST", f"/runs/{run}/fork", body=body, again=Again.BY_KEY)

    async def runs(
        self, project: int | None = None, problem: str | None = None, state: RunState | None = None
    ) -> AsyncGenerator[RunLine]:
        """Runs of the caller's projects, newest first."""
        async for item in self._pages(RunLine, "/runs", {"project": project, "problem": problem, "state": state}):
            yield item

    async def run(self, run: int) -> RunDetail:
        """How a run stands."""
        return await self._ask(RunDetail, "GET", f"/runs/{run}")

    async def tell(self, run: int, command: Command) -> AskedCommand:
        """Tell a run that goes on something; see `evolution.commands`. Its controller obeys, or refuses, within a second."""
        body = command.model_dump(mode="json")
        return await self._ask(AskedCommand, "POST", f"/runs/{run}/commands", body=body, again=Again.BY_KEY)

    async def commands(self, run: int) -> AsyncGenerator[AskedCommand]:
        """What a run was told, oldest first, and what became of it."""
        async for item in self._pages(AskedCommand, f"/runs/{run}/commands", {}):
            yield item

    async def command(self, run: int, command: int) -> AskedCommand:
        """What became of one of them.

        Raises:
            LookupError: the run was told no such thing.
        """
        async for item in self.commands(run):
            if item.id == command:
                return item
        raise LookupError(f"run {run} was not told command {command}")

    async def pause(self, run: int) -> AskedCommand:
        """Let a run ask for nothing new."""
        return await self.tell(run, Pause())

    async def resume(self, run: int) -> AskedCommand:
        """Let a paused run go on."""
        return await self.tell(run, Resume())

    async def stop(self, run: int) -> AskedCommand:
        """End a run: what is in flight is taken in, and the best is verified."""
        return await self.tell(run, Stop())

    async def set_budget(self, run: int, budget: Budget) -> AskedCommand:
        """Give a run other limits, counted from its beginning."""
        return await self.tell(run, SetBudget(budget=budget))

    async def set_models(self, run: int, models: Sequence[ModelChoice]) -> AskedCommand:
        """Let a run ask other models, or the same ones with other weights."""
        return await self.tell(run, SetModels(models=tuple(models)))

    async def set_priority(self, run: int, priority: float) -> RunPriority:
        """Give a run another share of slots and model calls among the runs of its project; others have 1."""
        return await self._ask(RunPriority, "PUT", f"/runs/{run}/priority", body={"priority": priority})

    async def reopen(self, run: int, budget: Budget) -> RunDetail:
        """Let a run that has ended go on under these limits, counted from its beginning."""
        body = {"budget": budget.model_dump(mode="json")}
        return await self._ask(RunDetail, "POST", f"/runs/{run}/reopen", body=body, again=Again.BY_KEY)

    async def programs(self, run: int, sort: str = "number", **filters: Any) -> AsyncGenerator[ProgramLine]:
        """Programs of a run, by `number`, `-number`, `score` or `-score`; one filter of those that docs/api.md lists."""
        async for item in self._pages(ProgramLine, f"/runs/{run}/programs", {"sort": sort, **filters}):
            yield item

    async def program(self, run: int, number: int) -> ProgramDetail:
        """A program with its source, its evaluation and its newest verification."""
        return await self._ask(ProgramDetail, "GET", f"/runs/{run}/programs/{number}")

    async def verify(self, run: int, number: int) -> AskedCommand:
        """Have a scored program verified once more, on seeds that none of its verifications had before."""
        return await self.tell(run, VerifyProgram(program=number))

    async def verifications(self, run: int, number: int) -> AsyncGenerator[Verification]:
        """All verifications of a program, newest first: they tell how far its score spreads."""
        async for item in self._pages(Verification, f"/runs/{run}/programs/{number}/verifications"):
            yield item

    async def calls(self, run: int, number: int) -> list[ModelCall]:
        """Prompts and answers of the models that were asked for a program, in order."""
        found = await self.connection.ask("GET", f"/runs/{run}/programs/{number}/calls")
        return [ModelCall.model_validate(item) for item in found]

    async def ancestors(self, run: int, number: int) -> AsyncGenerator[ProgramLine]:
        """The parent of a program, the parent of that, up to the seed."""
        async for item in self._pages(ProgramLine, f"/runs/{run}/programs/{number}/ancestors"):
            yield item

    async def children(self, run: int, number: int) -> AsyncGenerator[ProgramLine]:
        """What was made of a program."""
        async for item in self._pages(ProgramLine, f"/runs/{run}/programs/{number}/children"):
            yield item

    async def best(self, run: int) -> ProgramDetail | None:
        """The verified best program, or the best one as long as none is verified; None before anything is scored."""
        found = await self.run(run)
        number = next((one for one in (found.champion, found.verified, found.best) if one is not None), None)
        return None if number is None else await self.program(run, number)

    async def diff(self, run: int, number: int, to: str = "parent") -> str:
        """A unified diff of a program from its `parent`, the `seed` or the program with that number."""
        path = f"/runs/{run}/programs/{number}/diff"
        return (await self._ask(ProgramDiff, "GET", path, parameters={"to": to})).diff

    async def archive(self, run: int, island: int | None = None) -> AsyncGenerator[Cell]:
        """The filled cells of a run's archive."""
        async for item in self._pages(Cell, f"/runs/{run}/archive", {"island": island}):
            yield item

    async def records(self, run: int) -> AsyncGenerator[Record]:
        """The best-so-far curve of a run."""
        async for item in self._pages(Record, f"/runs/{run}/records", {}):
            yield item

    async def spend(self, run: int) -> Spend:
        """What a run cost, in all and by model."""
        return await self._ask(Spend, "GET", f"/runs/{run}/spend")

    async def spending(
        self, by: Group = Group.PROJECT, project: int | None = None, since: date | None = None
    ) -> AsyncGenerator[Spent]:
        """What was spent by each project, person, run or model, since the beginning of a day in UTC."""
        async for item in self._pages(Spent, "/spend", {"by": by, "project": project, "since": since}):
            yield item

    async def compare(self, runs: Sequence[int]) -> Comparison:
        """The best-so-far curves of up to 16 runs, by evaluations, seconds and money."""
        return await self._ask(Comparison, "GET", "/comparison", parameters={"run": list(runs)})

    async def export(self, run: int, path: Path, kind: str = "jsonl") -> int:
        """Write a run to a file, whole or not at all; returns its bytes.

        `kind` is `jsonl` or `parquet`, a row a proposal, or `dataset`, a row for each answer of a model with its reward.
        """
        address = f"/runs/{run}/dataset" if kind == "dataset" else f"/runs/{run}/export"
        parameters = {} if kind == "dataset" else {"format": kind}
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + ".new")
        try:
            async with self.connection.stream(address, parameters) as response:
                with aside.open("wb") as file:
                    async for piece in response.aiter_bytes():
                        file.write(piece)
                    size = file.tell()
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        return size

    async def frame(self, run: int) -> Any:
        """The proposals of a run as a `pandas.DataFrame`, with metrics and features as columns; needs the extra `frames`."""
        return await frames.programs_frame(self.export, run)

    async def curves(self, runs: Sequence[int]) -> Any:
        """The best-so-far curves of up to 16 runs as one `pandas.DataFrame`; needs the extra `frames`."""
        return frames.curves_frame(await self.compare(runs))

    async def events(self, run: int, after: int = 0) -> AsyncGenerator[Mapping[str, Any]]:
        """The log of a run behind event `after`, then live, for ever; each event once, whatever happens to the connection.

        Raises:
            ServiceError: the run is not there for the caller, or its log cannot be read.
            ServiceUnavailable: the service was away for too long.
        """
        patience = _Patience()
        while True:
            try:
                page = await self.connection.ask("GET", f"/runs/{run}/events", parameters={"after": after, "limit": 1000})
                patience.found()
                for event in page["items"]:
                    after = event["number"]
                    yield event
                if page["items"]:
                    continue
                async for event in self._live(run, after):
                    after = event["number"]
                    yield event
            except ServiceUnavailable as error:
                patience.lost(error)
            # After a stream that ended in good order too: what cuts streams off at once is not to be asked without end.
            await asyncio.sleep(RECONNECT_S)

    async def _live(self, run: int, after: int) -> AsyncGenerator[Mapping[str, Any]]:
        """One stream of events, until it ends."""
        path = f"/runs/{run}/events/stream"
        async with self.connection.stream(path, {"after": after}) as response:
            kind = ""
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind == "events":
                    for event in json.loads(value):
                        yield event
                elif name == "data":
                    # The page that is asked for next says the same as an exception.
                    return

    async def wait(self, run: int, tell: Callable[[RunDetail], None] | None = None) -> RunDetail:
        """Wait until a run has ended, telling how it stands again and again.

        Raises:
            ServiceError: the run is not there for the caller.
            ServiceUnavailable: the service was away for too long.
        """
        patience = _Patience()
        while True:
            try:
                found = await self.run(run)
            except ServiceUnavailable as error:
                patience.lost(error)
            else:
                patience.found()
                if tell is not None:
                    tell(found)
                if found.state is RunState.FINISHED:
                    return found
            await asyncio.sleep(LOOK_S)


class _Patience:
    """How long a service has been away."""

    def __init__(self) -> None:
        self._since: float | None = None

    def lost(self, error: ServiceUnavailable) -> None:
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > AWAY_S:
            raise error

    def found(self) -> None:
        self._since = None


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in read_files(folder).items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _plain_name(folder: Path) -> str:
    """The folder's name as the service takes one; only problems of other systems have none of their own."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", folder.resolve().name)[:64] or "problem"
