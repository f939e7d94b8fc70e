"""The sandbox on this machine, in both tiers: a candidates' box, a judges' box, and the launcher between them.

The launcher runs nobody's code. For a job it opens the wire, hands one end to a fresh process in each box, answers
the judge's questions for the candidate's processor time, watches memory, keeps the deadline, and decides the cause.
What each tier holds off is in docs/sandbox.md.
"""

import asyncio
import fcntl
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from evaluators.box import Box
from evaluators.confinement import Ground, Role, confinement
from evaluators.gpu_access import GpuAccess
from evaluators.job import run_job
from evaluators.probe import require
from evaluators.recycling import CandidateBoxes
from evaluators.sandbox import Cause, Job, JobResult, Packages, SandboxUnavailable
from evaluators.scratch import make_anew, remove
from evolution.evaluation import Tier
from evolution.language import LANGUAGES
from evolution.problem import Problem

log = logging.getLogger(__name__)

_PREFIX = "galapagos-slot-"
_YOUNG_S = 60.0
_COMPILER_PROCESSES = 8


class LocalSandbox:
    """One slot: see `evaluators.sandbox.Sandbox`."""

    def __init__(self, tier: Tier, problem: Problem, packages: Packages, gpu: GpuAccess | None = None) -> None:
        self._tier = tier
        self._problem = problem
        self._packages = packages
        self._gpu = gpu
        self._folder: Path | None = None
        self._claim = -1
        self._ground: Ground | None = None
        self._spare_ground: Ground | None = None
        self._candidates = CandidateBoxes(self._candidate_box, self._clean)
        self._boxes: dict[Role, Box] = {}
        self._reference_box: Box | None = None
        self._reference_ground: Ground | None = None
        self._busy = asyncio.Lock()

    @property
    def tier(self) -> Tier:
        """How strongly candidates are confined here."""
        return self._tier

    async def start(self) -> None:
        """Start both boxes side by side."""
        await self._prepare()
        results = await asyncio.gather(self._start_candidates(), self._start_judges(), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                await self.close()
                raise result

    async def _prepare(self) -> None:
        """See that all is there that boxes are made of."""
        require(self._tier, self._problem.definition.language)
        if self._ground is None:
            self._ground = self._lay_ground()

    async def _start_candidates(self) -> None:
        self._boxes[Role.CANDIDATE] = await self._candidates.ready()

    async def _start_judges(self) -> None:
        box = self._boxes.get(Role.JUDGE)
        if box is not None and box.alive:
            return
        if box is not None:
            await box.close()
        assert self._ground is not None  # noqa: S101 - for the type checker: start() has just laid it
        self._boxes[Role.JUDGE] = box = self._box(self._ground, Role.JUDGE)
        await box.start()

    def _candidate_box(self, place: int) -> Box:
        assert self._ground is not None  # noqa: S101 - as above
        if place == 0:
            return self._box(self._ground, Role.CANDIDATE)
        if self._spare_ground is None:
            self._spare_ground = self._lay_more_ground("spare", len(Role) + 1)
        return self._box(self._spare_ground, Role.CANDIDATE)

    def _box(self, ground: Ground, role: Role) -> Box:
        return Box(confinement(ground, role))

    def _take(self, folder: Path) -> None:
        """Make `folder` this slot's own for as long as this process lives."""
        self._folder = folder
        self._claim = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._claim, fcntl.LOCK_EX)

    def _lay_ground(self) -> Ground:
        sweep(Path(tempfile.gettempdir()), _PREFIX)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._take(folder)
        problem, scratch = folder / "problem", folder / "scratch" / "tmp"
        lay_problem(self._problem, problem)
        scratch.mkdir(parents=True)
        empty = folder / "empty"
        empty.mkdir(mode=0o755)
        packages = self._packages
        ground = Ground(self._tier, self._problem, problem, scratch, empty, packages.candidate, packages.judge, gpu=self._gpu)
        if ground.uid is not None:
            for path in (folder, problem, *problem.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            scratch.parent.chmod(0o755)
            os.chown(scratch, ground.uid, ground.uid)
        return ground

    async def run(self, job: Job) -> JobResult:
        """Judge one candidate; see the Protocol."""
        async with self._busy:
            try:
                await self.start()
            except SandboxUnavailable as error:
                return JobResult(Cause.HOST_FAULT, None, str(error), 0.0, 0.0, 0.0, "")
            try:
                candidates, judges = self._boxes[Role.CANDIDATE], self._boxes[Role.JUDGE]
                return await run_job(self._tier, candidates, judges, self._enabled(job), self._reference)
            finally:
                await self._leave()

    async def _reference(self, path: str) -> tuple[Box, Mapping[str, str]] | None:
        """A box like the candidates', of another user and with other files, made when a judge first compares."""
        content = self._problem.files.get(path or self._problem.definition.seed[0])
        if content is None:
            return None
        if self._reference_box is None or not self._reference_box.alive:
            await self._close_reference()
            self._reference_box = self._new_reference_box()
            await self._reference_box.start()
        main = self._problem.definition.seed[0]
        return self._reference_box, self._problem.seed_files | {main: content.decode("utf-8", "replace")}

    def _new_reference_box(self) -> Box:
        self._reference_ground = self._lay_more_ground("reference", len(Role))
        return Box(confinement(self._reference_ground, Role.CANDIDATE))

    def _lay_more_ground(self, name: str, number: int) -> Ground:
        """A place for one more box of candidates, whose user nobody else is in this slot; `number` tells it apart."""
        assert self._ground is not None  # noqa: S101 - for the type checker: start() has laid it
        assert self._folder is not None  # noqa: S101 - as above
        scratch = self._folder / name / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        uid = None if self._ground.uid is None else self._ground.uid + number
        if uid is not None:
            scratch.parent.chmod(0o755)
            os.chown(scratch, uid, uid)
        return replace(self._ground, scratch=scratch, uid=uid)

    async def _close_reference(self) -> None:
        box, self._reference_box = self._reference_box, None
        if box is not None:
            await box.close()

    def _enabled(self, job: Job) -> Job:
        """A compiled program's job with as many processes as its compiler takes; it can start none itself."""
        if LANGUAGES[self._problem.definition.language].compiler is None:
            return job
        processes = max(job.limits.processes, _COMPILER_PROCESSES)
        return replace(job, limits=job.limits.model_copy(update={"processes": processes}))

    async def _clean(self, place: int) -> None:
        await self._renew_scratch(self._ground if place == 0 else self._spare_ground)

    async def _renew_scratch(self, ground: Ground | None) -> None:
        """Of tier plain: what the candidate wrote goes. In tier namespaces it vanished with its mount."""
        if self._tier is Tier.PLAIN and ground is not None:
            await asyncio.to_thread(make_anew, ground.scratch, ground.uid)

    async def _leave(self) -> None:
        """After each candidate: nothing of it stays for the next."""
        try:
            await self._renew_scratch(self._reference_ground)
            await self._candidates.leave()
        except OSError as error:
            log.warning("a candidate's folder could not be removed, so its slot is made anew: %s", error)
            await self.close()

    async def close(self) -> None:
        """End both boxes and remove the slot's folder."""
        boxes, self._boxes = list(self._boxes.values()), {}
        await asyncio.gather(self._close_reference(), self._candidates.close(), *(box.close() for box in boxes))
        self._ground = self._reference_ground = self._spare_ground = None
        if self._folder is not None:
            _remove(self._folder)
            os.close(self._claim)
            self._folder = None


def lay_problem(problem: Problem, folder: Path) -> None:
    """Write a problem's files below `folder`, for its judge to read."""
    for path, content in problem.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def sweep(place: Path, prefix: str) -> None:
    """Remove the folders of launchers that were killed: nobody holds their lock. Young ones may not be locked yet."""
    for folder in place.glob(f"{prefix}*"):
        try:
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            claim = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            _remove(folder)
        finally:
            os.close(claim)


def _remove(folder: Path) -> None:
    try:
        remove(folder)
    except OSError as error:
        log.warning("a slot's folder could not be removed: %s; remove it by hand: rm -rf %s", error, folder)
