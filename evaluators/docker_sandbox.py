"""The containers of slots, made by Docker. Nothing else speaks to Docker, and only the slots service runs this.

Every argument is fixed here, but for a slot's name, its bounds and the keys of its environments, which
`slots_protocol` has checked.
"""

import contextlib
import json
import re
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import docker
import docker.errors
import docker.types
import requests

from evaluators.slots_protocol import ROLES, Create, Role

_CHECKOUT = Path(__file__).parents[1]
_BUILD = f"--target box {_CHECKOUT}"
_WANTED = f"expected an image made of the target box of {_CHECKOUT / 'Dockerfile'}"
_OWN_CONTAINER = re.compile(r"/containers/([0-9a-f]{64})/hostname /etc/hostname ")
_LABEL = "galapagos.slots"
_TIMEOUT_S = 60
_MIB = 1 << 20
_ZYGOTE_MIB = 256
_JUDGE_MIB = 4096
_JUDGE_PROCESSES = 96
_MORE_PROCESSES = 32
_SCRATCH_FILES = 1024
_FIRST_USER, _USERS = 10_000, 50_000
_GPU_RIGHTS = ["gpu", "compute", "utility"]
"""What a container may do with its device: NVIDIA's runtime mounts the libraries for these and no others."""
_HARDENED: dict[str, Any] = {
    "network_mode": "none",
    "cap_drop": ["ALL"],
    "read_only": True,
    "security_opt": ["no-new-privileges"],
    "ipc_mode": "none",
    "init": False,
    "log_config": docker.types.LogConfig(type="json-file", config={"max-size": "1m", "max-file": "1"}),
}
"""Of every container of ours. Docker's own seccomp and AppArmor profiles stay on: nothing here takes them away."""


class DockerFault(RuntimeError):
    """Docker, the image or a container is at fault. The text says what was expected, what came and what to do."""


def gpu_options(order: Create, role: Role) -> dict[str, Any]:
    """What gives the container of a role the device of its order, and no other; nothing for one that is to have none."""
    if order.gpu is None or (role == "judge" and not order.judge_gpu):
        return {}
    return {"device_requests": [docker.types.DeviceRequest(device_ids=[order.gpu], capabilities=[_GPU_RIGHTS])]}


class DockerHost:
    """Docker at the address `host`, serving slots from `image` in the folder `folder`; `cache` holds environments."""

    def __init__(self, host: str, image: str, folder: Path, cache: Path) -> None:
        self._host = host
        self._image = image
        self._folder = folder
        self._cache = cache
        self._client: docker.DockerClient | None = None
        self._own_mounts: dict[Path, Path] | None = None
        self._pinned = ""
        self._facts: dict[str, Any] = {}

    def client(self) -> docker.DockerClient:
        """A connection to Docker.

        Raises:
            DockerFault: there is none.
        """
        if self._client is None:
            with self._named():
                client = docker.DockerClient(base_url=self._host, timeout=_TIMEOUT_S)
                cast("Any", client).ping()
                self._client = client
        return self._client

    @contextlib.contextmanager
    def _named(self) -> Generator[None]:
        """Gives faults of Docker's client a name and a cure."""
        try:
            yield
        except docker.errors.ImageNotFound:
            raise DockerFault(
                f"expected the image {self._image} on Docker at {self._host}; it does not exist; "
                f"build it: docker build -t {self._image} {_BUILD}"
            ) from None
        except docker.errors.APIError as error:
            raise DockerFault(f"Docker refused: {error.explanation or error}") from None
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            raise DockerFault(
                f"expected Docker at {self._host}; it is not reachable: {str(error)[:300]}; "
                "start Docker, or set GALAPAGOS_DOCKER_HOST to where it is"
            ) from None

    def on_host(self, path: Path) -> Path:
        """Where Docker's host has `path`: elsewhere, if this service is in a container itself and has it from a volume.

        Raises:
            DockerFault: Docker is away.
        """
        if self._own_mounts is None:
            found = _OWN_CONTAINER.search(Path("/proc/self/mountinfo").read_text())
            client = self.client()
            with self._named():
                mounts: list[Any] = [] if found is None else client.containers.get(found.group(1)).attrs["Mounts"]
            self._own_mounts = {Path(mount["Destination"]): Path(mount["Source"]) for mount in mounts}
        for place in (path, *path.parents):
            if place in self._own_mounts:
                return self._own_mounts[place] / path.relative_to(place)
        return path

    def _labels(self) -> dict[str, str]:
        return {_LABEL: str(self.on_host(self._folder))}

    def look(self) -> tuple[str, dict[str, Any]]:
        """The image's id, which all slots are made from until it is built anew, and what it holds.

        Raises:
            DockerFault: Docker is away, or there is no such image, or it is none of ours.
        """
        client = self.client()
        with self._named():
            pinned = str(client.images.get(self._image).id)
            if pinned != self._pinned:
                self._facts = self._ask(pinned)
                self._pinned = pinned
        return self._pinned, self._facts

    def _ask(self, image: str) -> dict[str, Any]:
        run = self.client().containers.run
        try:
            said = cast("bytes", run(image, ["facts"], remove=True, labels=self._labels(), **_HARDENED))
            found = json.loads(said)
        except (docker.errors.ContainerError, docker.errors.APIError, ValueError) as error:
            raise DockerFault(
                f"{_WANTED}; {self._image} is none: {error}; build it: docker build -t {self._image} {_BUILD}"
            ) from None
        if not isinstance(found, dict):
            raise DockerFault(f"{_WANTED}; {self._image} says {said[-200:]!r}")
        return cast("dict[str, Any]", found)

    def sweep(self) -> None:
        """Remove the containers of an earlier service of this folder, which was killed.

        Raises:
            DockerFault: Docker is away.
        """
        client = self.client()
        labels = [f"{name}={value}" for name, value in self._labels().items()]
        with self._named():
            for container in client.containers.list(all=True, filters={"label": labels}):
                with contextlib.suppress(docker.errors.NotFound):
                    container.remove(force=True)

    def slot(self) -> "SlotContainers":
        """A slot without containers."""
        return SlotContainers(self)

    def make(self, order: Create, role: Role) -> Any:
        """Create and start the container of a role.

        Raises:
            DockerFault: Docker refused.
        """
        image, _ = self.look()
        options = self._judge() if role == "judge" else self._candidate(order)
        with self._named():
            container = self.client().containers.create(
                image,
                ["judge" if role == "judge" else "candidate"],
                name=f"galapagos-{order.slot}-{role}",
                labels=self._labels(),
                mounts=self._mounts(order, role),
                **_HARDENED,
                **options,
                **gpu_options(order, role),
            )
            try:
                container.start()
            except docker.errors.APIError:
                container.remove(force=True)
                raise
        return container

    def _candidate(self, order: Create) -> dict[str, Any]:
        memory = (order.memory_mib + order.files_mib + _ZYGOTE_MIB) * _MIB
        return {
            # Its zygote stays root with these rights alone: to make each candidate another user, and to end whom it leaves.
            "user": "0:0",
            "cap_add": ["SETUID", "SETGID", "KILL"],
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": order.processes + _MORE_PROCESSES,
            "tmpfs": {"/scratch/tmp": f"size={order.files_mib}m,nr_inodes={_SCRATCH_FILES},mode=1777,nosuid,nodev,exec"},
        }

    def _judge(self) -> dict[str, Any]:
        # The kernel counts a user's processes over all containers: each box has a user that no other has.
        user = _FIRST_USER + secrets.randbelow(_USERS)
        memory = (_JUDGE_MIB + _ZYGOTE_MIB) * _MIB
        return {
            "user": f"{user}:{user}",
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": _JUDGE_PROCESSES,
        }

    def remove(self, container: Any) -> None:
        """Kill and remove it, however it is.

        Raises:
            DockerFault: Docker is away.
        """
        with self._named(), contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True)

    def end_of(self, container: Any) -> str:
        """How it ended; nothing while it runs.

        Raises:
            DockerFault: Docker is away.
        """
        with self._named():
            try:
                container.reload()
                state = container.attrs["State"]
                if state["Running"]:
                    return ""
                said = container.logs(tail=20).decode("utf-8", "replace").strip()[-1000:]
            except docker.errors.NotFound:
                return "its container was removed by somebody else"
        memory = ", out of memory" if state["OOMKilled"] else ""
        return f"its container ended with exit status {state['ExitCode']}{memory}; it said: {said or 'nothing'}"

    def _mounts(self, order: Create, role: Role) -> list[Any]:
        folder = self._folder / order.slot / role
        if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
            raise DockerFault(f"expected the folder {folder}, shared between evaluators and this service; it is not there")
        mounts = [docker.types.Mount("/galapagos/slot", str(self.on_host(folder)), type="bind", read_only=True)]
        key = order.judge_environment if role == "judge" else order.candidate_environment
        if key is not None:
            environment = self._cache / "environments" / key / "site"
            if not environment.is_dir():
                raise DockerFault(
                    f"expected the packages {environment}, as the evaluators have them; "
                    "give this service the same GALAPAGOS_CACHE"
                )
            source = str(self.on_host(environment))
            mounts.append(docker.types.Mount("/galapagos/environment", source, type="bind", read_only=True))
        return mounts


class SlotContainers:
    """The two containers of one slot."""

    def __init__(self, host: DockerHost) -> None:
        self._host = host
        self._order: Create | None = None
        self._containers: dict[Role, Any] = {}

    def create(self, order: Create) -> None:
        """Make both, after removing those that are there.

        Raises:
            DockerFault: one of them cannot be made; then there is none.
        """
        self.remove()
        self._order = order
        try:
            for role in ROLES:
                self._containers[role] = self._host.make(order, role)
        except DockerFault:
            self.remove()
            raise

    def recycle(self, role: Role) -> None:
        """Kill one with all that is in it and start it with an empty scratch folder.

        Raises:
            DockerFault: it does not start, or nothing was created yet.
        """
        if self._order is None:
            raise DockerFault("expected an order to create before one to recycle")
        if role in self._containers:
            self._host.remove(self._containers.pop(role))
        self._containers[role] = self._host.make(self._order, role)

    def exited(self) -> dict[Role, str]:
        """Those that do not run any more, and what is known of their end.

        Raises:
            DockerFault: Docker is away.
        """
        ended: dict[Role, str] = {}
        for role, container in list(self._containers.items()):
            text = self._host.end_of(container)
            if text:
                ended[role] = text
                self._host.remove(self._containers.pop(role))
        return ended

    def remove(self) -> None:
        """Kill and remove both.

        Raises:
            DockerFault: Docker is away.
        """
        for role in list(self._containers):
            self._host.remove(self._containers.pop(role))
