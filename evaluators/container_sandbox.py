"""The sandbox whose boxes are containers. It asks the slots service for them and never speaks to Docker itself."""

import asyncio
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from evaluators.box import Box
from evaluators.confinement import Ground, Role, confinement, sees_problem, unprivileged_uid
from evaluators.container_box import ContainerBox
from evaluators.gpu_access import GpuAccess
from evaluators.local_sandbox import LocalSandbox, lay_problem, sweep
from evaluators.sandbox import Packages, SandboxUnavailable
from evaluators.slots_client import SlotLine, missing_compiler
from evaluators.slots_protocol import Create
from evolution.evaluation import Tier
from evolution.problem import Problem

_PREFIX = "slot-"
_REFERENCE = "reference"
_PATIENCE_S = 20.0
"""So long a service that is started again is waited for: an evaluation is given up after five attempts."""
_KEY = re.compile(r"[0-9a-f]{32}")


class ContainerSandbox(LocalSandbox):
    """One slot in containers; `slot_folder` is the one that the slots service shares with us."""

    def __init__(self, problem: Problem, packages: Packages, slot_folder: Path, gpu: GpuAccess | None = None) -> None:
        super().__init__(Tier.CONTAINER, problem, packages, gpu)
        self._slot_folder = slot_folder.absolute()
        self._line = SlotLine(self._slot_folder)
        self._made: set[Role] = set()

    async def _prepare(self) -> None:
        """See that the service holds containers for this slot, and that boxes of an earlier service are gone."""
        if self._ground is None:
            self._ground = await asyncio.to_thread(self._lay_ground)
        if self._line.is_open:
            return
        await asyncio.gather(self._close_reference(), *(box.close() for box in self._boxes.values()))
        hello = await self._line.open(_PATIENCE_S)
        if missing := missing_compiler(hello, self._problem.definition.language):
            raise SandboxUnavailable(missing)
        assert self._folder is not None  # noqa: S101 - for the type checker: the ground lies there
        limits = self._problem.definition.limits
        order = Create(
            slot=self._folder.name,
            memory_mib=limits.memory_mib,
            files_mib=limits.files_mib,
            processes=limits.processes,
            candidate_environment=_key(self._packages.candidate),
            judge_environment=_key(self._packages.judge),
            gpu=None if self._gpu is None else self._gpu.uuid,
            judge_gpu=self._gpu is not None and self._gpu.judge,
        )
        await self._line.order(order)
        self._made = set(Role)

    def _lay_ground(self) -> Ground:
        sweep(self._slot_folder, _PREFIX)
        try:
            self._take(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._slot_folder)))
        except OSError as error:
            raise SandboxUnavailable(
                f"expected to write into the folder {self._slot_folder}, shared with the slots service; {error}; "
                "set GALAPAGOS_SLOT_FOLDER for both"
            ) from None
        assert self._folder is not None  # noqa: S101 - for the type checker: just taken
        self._folder.chmod(0o711)
        nowhere = self._folder / "nowhere"
        packages = self._packages
        problem = self._folder / Role.JUDGE.value / "problem"
        ground = Ground(
            Tier.CONTAINER,
            self._problem,
            problem,
            nowhere,
            nowhere,
            packages.candidate,
            packages.judge,
            self._gpu,
            unprivileged_uid(),
        )
        (self._folder / _REFERENCE).mkdir()
        for role in Role:
            (self._folder / role.value).mkdir()
            if sees_problem(ground, role):
                lay_problem(self._problem, self._folder / role.value / "problem")
        for path in self._folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return ground

    def _box(self, ground: Ground, role: Role) -> Box:
        assert self._folder is not None  # noqa: S101 - for the type checker: the ground lies there
        fresh = role in self._made
        self._made.discard(role)
        folder = self._folder / role.value
        return ContainerBox(confinement(ground, role), role.value, folder, self._line, recycle=not fresh)

    def _new_reference_box(self) -> Box:
        assert self._ground is not None  # noqa: S101 - for the type checker: start() has laid it
        assert self._folder is not None  # noqa: S101 - as above
        # Users of its own: the kernel counts a user's processes over all containers.
        ground = replace(self._ground, uid=unprivileged_uid())
        told = confinement(ground, Role.CANDIDATE)
        return ContainerBox(told, _REFERENCE, self._folder / _REFERENCE, self._line, recycle=True)

    async def close(self) -> None:
        """End both boxes, have their containers removed, and remove the slot's folder."""
        await self._line.close()
        await super().close()


def _key(folder: Path | None) -> str | None:
    """The name by which the service knows an environment, which its own cache holds."""
    if folder is None:
        return None
    if not _KEY.fullmatch(folder.parent.name):
        raise SandboxUnavailable(
            f"expected packages in an environment of GALAPAGOS_CACHE; got {folder}; declare them in the problem"
        )
    return folder.parent.name
