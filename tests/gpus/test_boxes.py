"""What boxes are given of a GPU: nodes, libraries and names, and of whom containers ask for it."""

import shutil
from pathlib import Path

import msgspec
import pytest

from evaluators.confinement import gpu_libraries
from evaluators.docker_sandbox import gpu_options
from evaluators.gpu_access import GpuAccess, access_to
from evaluators.nvml import find_gpus
from evaluators.sandbox import Cause, Packages, open_sandbox
from evaluators.slots_protocol import ORDERS, ROLES, Create
from evolution.evaluation import Tier
from tests.gpus.driver import UUIDS, StandIn
from tests.sandbox.jobs import PROBLEM, job

_LOADS = """
import ctypes, os
def f():
    ctypes.CDLL("libnvidia-ml.so.1").nvmlShutdown()
    try:
        open("/galapagos/driver/libnvidia-ml.so.1", "ab")
    except OSError as error:
        return [error.strerror, sorted(os.listdir("/galapagos/driver")), sorted(os.listdir("/dev"))]
"""
_ORDER = Create("slot-abcdefgh", 256, 16, 8)


@pytest.mark.parametrize("tier", [Tier.NAMESPACES])
async def test_a_box_has_the_drivers_libraries_for_reading_and_no_node_of_another_device(driver: StandIn, tier: Tier) -> None:
    shutil.copy(driver.library, driver.library.with_name("libcuda.so.1"))
    (driver.library.with_name("other.so")).write_text("nothing of a driver's")
    found = find_gpus(tier)
    access = access_to(found.devices[0], judge=False)
    sandbox = open_sandbox(tier, PROBLEM, Packages(), None, access)
    await sandbox.start()
    try:
        result = await sandbox.run(job(_LOADS))
    finally:
        await sandbox.close()
    assert result.cause is Cause.OK, result
    assert result.value is not None
    nodes = ["null", "nvidia-uvm", "nvidia0", "nvidiactl", "random", "shm", "urandom"]
    assert result.value.feedback == repr(["Permission denied", ["libcuda.so.1", "libnvidia-ml.so.1"], nodes])


def test_an_order_names_one_device_by_its_uuid_and_nothing_else() -> None:
    whole = msgspec.json.encode(msgspec.structs.replace(_ORDER, gpu=UUIDS[0], judge_gpu=True))
    assert ORDERS.decode(whole).gpu == UUIDS[0]  # pyright: ignore[reportAttributeAccessIssue]
    for name in ("all", "0", f"{UUIDS[0]},{UUIDS[1]}", f"{UUIDS[0]}\n", "GPU-", "../nvidia0", "nvidia.com/gpu=all"):
        sent = msgspec.json.encode(msgspec.structs.replace(_ORDER, gpu=name))
        with pytest.raises(msgspec.ValidationError):
            ORDERS.decode(sent)


def test_docker_is_asked_for_that_device_for_those_alone_who_may_have_it() -> None:
    request = {
        "device_requests": [
            {
                "Driver": "",
                "Count": 0,
                "DeviceIDs": [UUIDS[0]],
                "Capabilities": [["gpu", "compute", "utility"]],
                "Options": {},
            }
        ]
    }
    asked = {role: gpu_options(msgspec.structs.replace(_ORDER, gpu=UUIDS[0]), role) for role in (*ROLES, "reference")}
    assert asked == {"candidate": request, "judge": {}, "reference": request}
    assert gpu_options(msgspec.structs.replace(_ORDER, gpu=UUIDS[0], judge_gpu=True), "judge") == request
    assert gpu_options(_ORDER, "candidate") == {}


def test_libraries_among_the_systems_are_not_given_twice() -> None:
    access = GpuAccess(UUIDS[0], (), (Path("/usr/lib/libcuda.so.1"), Path("/opt/driver/libcuda.so.1")), judge=False)
    assert gpu_libraries(access) == [Path("/opt/driver/libcuda.so.1")]
