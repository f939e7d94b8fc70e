"""What is peculiar to boxes that are containers: who makes them, what they are made with, and what becomes of them."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from database.engine import Database
from evaluators.check import check_problem
from evaluators.gpu_access import GpuAccess
from evaluators.machine import describe
from evaluators.probe import containers, probe, require
from evaluators.sandbox import Cause, Packages, Sandbox, SandboxUnavailable, open_sandbox
from evaluators.slots_client import greeting
from evaluators.slots_health import fault
from evaluators.slots_protocol import WORDS, Failed, Hello, socket_in
from evolution.evaluation import Tier
from evolution.language import Language
from evolution.problem import Problem
from tests.docker_machine import IMAGE, DockerMachine, NoDocker, docker_machine, end
from tests.evaluators.queue_kit import new_run, queue_programs, settled
from tests.evaluators.queue_kit import until as row_until
from tests.evaluators.small_problems import problem
from tests.evaluators.test_pool import serving
from tests.galapagos.command import Running, galapagos, problem_folder
from tests.sandbox.jobs import PROBLEM, compiled_problem, job

_ALIVE = "def f():\n    return 1\n"
_LOOPS = "def f():\n    while True: pass\n"


@asynccontextmanager
async def opened(machine: DockerMachine, packages: Packages | None = None, of: Problem = PROBLEM) -> AsyncGenerator[Sandbox]:
    sandbox = open_sandbox(Tier.CONTAINER, of, packages or Packages(), machine.slots)
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.close()


async def until(met: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.05)


async def made_by(machine: DockerMachine, before: set[str]) -> dict[str, str]:
    """The containers that were not there before, by role."""
    return {name.rsplit("-", 1)[1]: name for name in set(machine.containers()) - before}


def slot_orders(verb: str) -> float:
    """How many orders of this process the slots service has carried out."""
    return REGISTRY.get_sample_value("galapagos_slot_orders_total", {"verb": verb, "outcome": "done"}) or 0.0


def status_of_child(zygote: int) -> dict[str, str]:
    """What the kernel says of the only child of a process."""
    (child,) = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
    lines = Path(f"/proc/{child}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def inspected(machine: DockerMachine, name: str) -> dict[str, Any]:
    return json.loads(machine.docker("inspect", name))[0]


class TestHardening:
    async def test_both_boxes_hold_as_little_as_they_can(self, docker: DockerMachine) -> None:
        before = set(docker.containers())
        async with opened(docker):
            made = await made_by(docker, before)
            assert set(made) == {"candidate", "judge"}
            for role, name in made.items():
                found = inspected(docker, name)
                host = found["HostConfig"]
                assert found["Config"]["User"] != "" if role == "judge" else found["Config"]["User"] == "0:0"
                assert host["NetworkMode"] == "none"
                assert host["CapDrop"] == ["ALL"]
                assert (host["CapAdd"] or []) == (["SETUID", "SETGID", "KILL"] if role == "candidate" else [])
                assert host["ReadonlyRootfs"]
                assert not host["Privileged"]
                assert host["SecurityOpt"] == ["no-new-privileges"]
                assert host["IpcMode"] == "none"
                assert host["Memory"] == host["MemorySwap"] > 0
                assert 0 < host["PidsLimit"] < 1000
                assert [mount["Destination"] for mount in found["Mounts"]] == ["/galapagos/slot"]
                assert not any(mount["RW"] for mount in found["Mounts"])
                assert all("nr_inodes=" in options for options in host.get("Tmpfs", {}).values())

    async def test_docker_is_asked_for_a_device_and_what_it_says_is_told(self, docker: DockerMachine) -> None:
        uuid = "GPU-01234567-89ab-4cde-8f01-23456789abcd"
        before = set(docker.containers())
        sandbox = open_sandbox(Tier.CONTAINER, PROBLEM, Packages(), docker.slots, GpuAccess(uuid, (), (), judge=False))
        # No machine has a device of this name.
        with pytest.raises(SandboxUnavailable, match=r"Docker refused: .*(device|nvidia)"):
            await sandbox.start()
        await sandbox.close()
        assert set(docker.containers()) <= before

    async def test_the_kernel_agrees(self, docker: DockerMachine) -> None:
        before = set(docker.containers())
        async with opened(docker) as sandbox:
            name = (await made_by(docker, before))["candidate"]
            task = asyncio.create_task(sandbox.run(job(_LOOPS, timeout_s=20)))
            await asyncio.sleep(0.5)
            status = status_of_child(int(inspected(docker, name)["State"]["Pid"]))
            task.cancel()
        assert status["CapEff"] == status["CapPrm"] == status["CapInh"] == status["CapAmb"] == "0" * 16
        assert status["NoNewPrivs"] == "1"
        # Docker's own filter, and ours.
        assert int(status["Seccomp_filters"]) == 2
        assert set(status["Uid"].split()).isdisjoint({"0"})

    async def test_each_candidate_is_another_user(self, docker: DockerMachine) -> None:
        source = "import os\ndef f():\n    return os.getuid()\n"
        async with opened(docker) as sandbox:
            found = [(await sandbox.run(job(source))).value for _ in range(3)]
        users = {value.feedback for value in found if value is not None}
        assert len(users) == 3
        assert "0" not in users


class TestHurt:
    @pytest.mark.parametrize("role", ["candidate", "judge"])
    async def test_a_container_killed_from_outside_is_a_host_fault_and_comes_back(
        self, docker: DockerMachine, role: str
    ) -> None:
        before = set(docker.containers())
        async with opened(docker) as sandbox:
            task = asyncio.create_task(sandbox.run(job(_LOOPS, timeout_s=20)))
            await asyncio.sleep(0.3)
            docker.docker("kill", (await made_by(docker, before))[role])
            result = await task
            assert result.cause is Cause.HOST_FAULT
            assert "to be repeated" in result.message
            assert (await sandbox.run(job(_ALIVE))).cause is Cause.OK
            assert len(await made_by(docker, before)) == 2
        await until(lambda: set(docker.containers()) <= before)

    async def test_a_container_that_is_gone_between_two_candidates_comes_back(self, docker: DockerMachine) -> None:
        before = set(docker.containers())
        counted = slot_orders("create") + slot_orders("recycle")
        async with opened(docker) as sandbox:
            docker.docker("rm", "--force", (await made_by(docker, before))["candidate"])
            await asyncio.sleep(0.1)
            assert (await sandbox.run(job(_ALIVE))).cause is Cause.OK
        assert slot_orders("create") + slot_orders("recycle") >= counted + 2

    async def test_containers_end_with_their_launcher(self, docker: DockerMachine) -> None:
        before = set(docker.containers())
        script = f"""
import asyncio, pathlib
from tests.sandbox.jobs import PROBLEM, job
from evaluators.sandbox import Packages, open_sandbox
from evolution.evaluation import Tier
async def main():
    sandbox = open_sandbox(Tier.CONTAINER, PROBLEM, Packages(), pathlib.Path({str(docker.slots)!r}))
    await sandbox.start()
    task = asyncio.create_task(sandbox.run(job("def f():\\n    while True: pass\\n", timeout_s=60)))
    await asyncio.sleep(0.3)
    print("running", flush=True)
    await task
asyncio.run(main())
"""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"running\n"
        assert len(await made_by(docker, before)) == 2
        child.kill()
        await child.wait()
        await until(lambda: set(docker.containers()) <= before)

    async def test_a_service_that_is_killed_and_started_again_loses_nothing(self, docker: DockerMachine) -> None:
        async with opened(docker) as sandbox:
            first = set(docker.identities())
            docker.stop_service(signal.SIGKILL)
            assert (await sandbox.run(job(_ALIVE))).cause in {Cause.OK, Cause.HOST_FAULT}
            docker.start_service()
            assert (await sandbox.run(job(_ALIVE))).cause is Cause.OK
            # Whatever the killed one left was swept.
            assert first.isdisjoint(docker.identities())

    async def test_while_the_service_is_away_slots_wait_and_lose_nothing(
        self,
        docker: DockerMachine,
        short_folder: Path,
        database: Database,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("evaluators.container_sandbox._PATIENCE_S", 0.2)
        run = await new_run(database, problem(), Tier.CONTAINER)
        await queue_programs(database, run, [f"import time; time.sleep(0.2); return {number} * x" for number in range(1, 13)])
        service = docker.start_another_service(short_folder)
        try:
            async with serving(database_url, docker.cache, slots=2, slot_folder=short_folder):
                await row_until(database, run, lambda rows: any(row.score is not None for row in rows))
                service.kill()
                service.wait()
                # After its attempts the slots do not claim until somebody makes containers again.
                await row_until(database, run, lambda _: "all slots rest on" in caplog.text)
                await asyncio.sleep(1.0)
                service = docker.start_another_service(short_folder)
                found = await settled(database, run)
        finally:
            end(service)
        assert {row.number: row.score for row in found} == {0: 6.0, **{number: 3.0 * number for number in range(1, 13)}}
        assert "expected the slots service" in caplog.text


class TestWords:
    async def test_packages_reach_the_box_that_they_are_for(self, docker: DockerMachine) -> None:
        site = docker.cache / "environments" / ("a" * 32) / "site"
        site.mkdir(parents=True)
        (site / "extra_package.py").write_text("value = 17\n")
        source = "def f():\n    import importlib.util\n    return importlib.util.find_spec('extra_package') is not None\n"
        for packages, expected in ((Packages(candidate=site), "True"), (Packages(judge=site), "False")):
            async with opened(docker, packages) as sandbox:
                result = await sandbox.run(job(source))
            assert result.value is not None, result
            assert result.value.feedback == expected
        with pytest.raises(SandboxUnavailable, match="GALAPAGOS_CACHE"):
            await open_sandbox(Tier.CONTAINER, PROBLEM, Packages(judge=docker.cache), docker.slots).start()

    @pytest.mark.parametrize(
        "line",
        [
            b"nonsense",
            b'{"verb":"create","slot":"../../etc","memory_mib":256,"files_mib":8,"processes":8}',
            b'{"verb":"create","slot":"slot-abcdefgh","memory_mib":256,"files_mib":8,"processes":8,"privileged":true}',
            b'{"verb":"create","slot":"slot-abcdefgh","memory_mib":256,"files_mib":8,"processes":8,"judge_environment":"../.."}',
            b'{"verb":"create","slot":"slot-nowhere1","memory_mib":256,"files_mib":8,"processes":8}',
            b'{"verb":"recycle","role":"candidate"}',
            b'{"verb":"recycle","role":"docker"}',
            b'{"verb":"create","slot":"slot-abcdefgh","memory_mib":-1,"files_mib":8,"processes":8}',
        ],
    )
    def test_a_word_that_is_none_is_refused(self, docker: DockerMachine, line: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(30)
            stream.connect(str(socket_in(docker.slots)))
            with stream.makefile("rb") as said:
                assert isinstance(WORDS.decode(said.readline()), Hello)
                stream.sendall(line + b"\n")
                answer = WORDS.decode(said.readline())
        assert isinstance(answer, Failed)
        assert "expected" in answer.text


class TestWhatIsMissing:
    """A service of its own for each: what it says reaches whoever asks for a slot."""

    @staticmethod
    def told(machine: DockerMachine, folder: Path, **changes: str) -> str:
        with machine.another_service(folder, **changes):
            with pytest.raises(SandboxUnavailable) as caught:
                asyncio.run(open_sandbox(Tier.CONTAINER, PROBLEM, Packages(), folder).start())
            assert greeting(folder).fault[:100] == str(caught.value)[:100]
        return str(caught.value)

    def test_an_image_that_does_not_exist(self, docker: DockerMachine, short_folder: Path) -> None:
        said = self.told(docker, short_folder, GALAPAGOS_IMAGE="galapagos-absent")
        assert "expected the image galapagos-absent" in said
        assert "it does not exist; build it: docker build -t galapagos-absent" in said

    def test_an_image_that_is_none_of_ours(self, docker: DockerMachine, short_folder: Path) -> None:
        said = self.told(docker, short_folder, GALAPAGOS_IMAGE=docker.base)
        assert f"{docker.base} is none" in said
        assert "build it: docker build" in said

    def test_docker_that_is_not_reachable(self, docker: DockerMachine, short_folder: Path) -> None:
        said = self.told(docker, short_folder, GALAPAGOS_DOCKER_HOST="unix:///nowhere/docker.sock")
        assert "expected Docker at unix:///nowhere/docker.sock; it is not reachable" in said
        assert "start Docker, or set GALAPAGOS_DOCKER_HOST" in said

    def test_no_service(self, tmp_path: Path) -> None:
        found = greeting(tmp_path)
        assert "expected the slots service" in found.fault
        assert "python -m evaluators.slots" in found.fault

    def test_a_folder_too_deep_for_sockets(self, docker: DockerMachine, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="choose a shorter GALAPAGOS_SLOT_FOLDER"):
            docker.start_another_service(tmp_path / ("x" * 120))

    def test_no_folder(self) -> None:
        with pytest.raises(SandboxUnavailable, match="GALAPAGOS_SLOT_FOLDER"):
            open_sandbox(Tier.CONTAINER, PROBLEM, Packages())

    async def test_a_compiler_that_the_image_lacks(self, docker: DockerMachine) -> None:
        sandbox = open_sandbox(Tier.CONTAINER, compiled_problem(Language.RUST), Packages(), docker.slots)
        with pytest.raises(SandboxUnavailable, match=r"expected rustc .*in the image of the boxes"):
            await sandbox.start()
        await sandbox.close()


class TestCommands:
    def test_a_machine_without_namespaces_offers_containers(
        self, docker: DockerMachine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setenv("GALAPAGOS_SLOT_FOLDER", str(docker.slots))
        probe.cache_clear()
        containers.cache_clear()
        try:
            found = probe()
            assert found.tier is Tier.CONTAINER
            assert "bwrap" in found.reasons[0]
            require(Tier.CONTAINER, Language.C)
            with pytest.raises(SandboxUnavailable, match="rustc"):
                require(Tier.CONTAINER, Language.RUST)
        finally:
            probe.cache_clear()
            containers.cache_clear()

    async def test_a_check_and_the_machine_that_scores_are_told(self, docker: DockerMachine) -> None:
        found = await check_problem(PROBLEM, Tier.CONTAINER, docker.cache, docker.slots)
        assert found.tier is Tier.CONTAINER
        said = describe(Tier.CONTAINER, greeting(docker.slots))
        assert str(said["image"]).startswith("sha256:")
        assert said != describe(Tier.NAMESPACES)

    def test_a_run_with_a_service_of_its_own_outlives_killed_containers(self, docker: DockerMachine, open_folder: Path) -> None:
        before = set(docker.containers())
        data = open_folder / "data"
        problem = problem_folder(open_folder / "hill")
        settings = {"GALAPAGOS_DOCKER_HOST": docker.host, "GALAPAGOS_IMAGE": IMAGE, "GALAPAGOS_SLOTS": "1"}
        arguments = ["run", problem, "--tier", "container", "--evaluations", "40", "--seed", "1", "--data", data, "--json"]
        with Running(open_folder, *arguments, **settings) as running:
            for least in (5, 25):
                running.until_evaluations(least)
                docker.kill_a_candidate(before)
            ended = running.wait()
        assert ended.code == 0, ended.err
        assert ended.answer["tier"] == "container"
        assert ended.answer["evaluations"] == 40
        assert ended.answer["verified_score"] > ended.answer["seed_score"]
        rows = galapagos("export", "1", "--format", "jsonl", "--output", open_folder / "rows", "--data", data)
        assert rows.code == 0, rows.err
        assert set(docker.containers()) <= before

    def test_two_tiers_at_once_are_refused(self, tmp_path: Path) -> None:
        ended = galapagos("check", problem_folder(tmp_path), "--plain", "--tier", "container", "--json")
        assert ended.code == 2
        assert "leave one out" in ended.answer["error"]


def test_where_docker_is_not_installed_the_tests_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDocker, match="apt-get install"), docker_machine():
        pytest.fail("there is no Docker on an empty PATH")


def test_the_image_is_made_with_the_locked_packages() -> None:
    root = Path(__file__).parents[2]
    entries = re.findall(r"^(?:numpy|msgspec)==.*(?:\n .*)*\n", (root / "requirements.lock").read_text(), re.MULTILINE)
    assert "".join(entries) == (root / "evaluators" / "container" / "requirements.lock").read_text()


def test_an_orchestrator_is_told_whether_slots_can_be_made(docker: DockerMachine, short_folder: Path) -> None:
    assert fault(str(docker.slots)) == ""
    assert "expected the greeting" in fault(str(short_folder))
    with docker.another_service(short_folder, GALAPAGOS_IMAGE="galapagos-absent"):
        assert "expected the image galapagos-absent" in fault(str(short_folder))
