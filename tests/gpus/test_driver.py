"""What the driver tells of devices, and which of them can be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators import nvml
from evaluators.nvml import Device, DeviceLost, Driver, closed_node, driver_folder, find_gpus, throttles
from evolution.evaluation import Tier
from evolution.gpu import Gpu, GpuHealth, GpuState, Throttle
from tests.galapagos.command import TOML, galapagos, problem_folder
from tests.gpus.driver import UUIDS, VARIABLE, Card, StandIn


def found() -> tuple[Driver, tuple[Device, ...], tuple[str, ...]]:
    all_of_it = find_gpus(Tier.NAMESPACES)
    assert all_of_it.driver is not None, all_of_it.reasons
    return all_of_it.driver, all_of_it.devices, all_of_it.reasons


def test_devices_are_found_with_what_they_are_and_read(driver: StandIn) -> None:
    opened, devices, reasons = found()
    assert [device.gpu for device in devices] == [
        Gpu(UUIDS[0], "NVIDIA H100 80GB HBM3", "570.86.15", 81559),
        Gpu(UUIDS[1], "NVIDIA A100-SXM4-40GB", "570.86.15", 40960),
    ]
    assert [node.name for node in devices[1].nodes] == ["nvidia1", "nvidiactl", "nvidia-uvm"]
    assert reasons == ()
    driver.change(UUIDS[0], used=600, degrees=61, milliwatts=650_250, clock=1755, throttle=0b100100, pids=(17, 4))
    seen = opened.look(devices[0].gpu)
    throttled = (Throttle.POWER_CAP, Throttle.THERMAL)
    assert seen.state == GpuState(devices[0].gpu, GpuHealth.FREE, "", 600, 61, 650.25, 700.0, 1755, 1980, throttled)
    assert seen.processes == {4, 17}
    assert driver_folder() == driver.library.parent


def test_what_a_device_cannot_tell_is_none(driver: StandIn) -> None:
    opened, (first, _), _ = found()
    driver.change(UUIDS[0], milliwatts=0)
    assert opened.look(first.gpu).state.power_w is None


def test_a_device_that_is_lost_says_so(driver: StandIn) -> None:
    opened, (first, second), _ = found()
    driver.change(UUIDS[0], lost=1)
    with pytest.raises(DeviceLost, match="GPU is lost"):
        opened.look(first.gpu)
    assert opened.look(second.gpu).state.memory_used_mib == 4
    _, devices, (reason,) = found()
    assert [device.gpu.uuid for device in devices] == [UUIDS[1]]
    assert reason == "GPU 0: the driver says: GPU is lost"


def test_devices_in_parts_or_closed_to_computing_are_left_out_with_what_to_do(driver: StandIn) -> None:
    driver.put(Card(UUIDS[0], mig=1), Card(UUIDS[1], mode=2), Card(UUIDS[2], minor=1))
    _, devices, reasons = found()
    assert [device.gpu.uuid for device in devices] == [UUIDS[2]]
    assert "turn MIG off: nvidia-smi -mig 0" in reasons[0]
    assert "let processes do so: nvidia-smi -c DEFAULT" in reasons[1]


def test_a_device_whose_node_boxes_cannot_open_is_left_out_but_for_containers(driver: StandIn) -> None:
    (nvml.NODES / "nvidia0").unlink()
    (nvml.NODES / "nvidia0").write_text("")
    (nvml.NODES / "nvidia0").chmod(0o440 if os.geteuid() == 0 else 0)
    (nvml.NODES / "nvidia1").unlink()
    all_of_it = find_gpus(Tier.NAMESPACES)
    assert all_of_it.driver is None
    assert f"run: chmod a+rw {nvml.NODES / 'nvidia0'}" in all_of_it.reasons[0]
    assert f"expected the node {nvml.NODES / 'nvidia1'}; it is not there" in all_of_it.reasons[1]
    in_containers = find_gpus(Tier.CONTAINER)
    assert len(in_containers.devices) == 2
    assert closed_node(in_containers.devices[0])


def test_a_library_without_a_driver_or_without_devices_is_no_gpu(driver: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.put()
    assert find_gpus(Tier.NAMESPACES).reasons == ("the driver of NVIDIA knows of no device",)
    monkeypatch.delenv(VARIABLE)
    without = find_gpus(Tier.NAMESPACES)
    assert (without.driver, without.reasons) == (None, ("the driver of NVIDIA does not answer: Driver Not Loaded",))


def test_every_throttle_reason_has_its_bit_and_none_is_told_of_nothing() -> None:
    assert throttles(0b111111111) == tuple(Throttle)
    assert throttles(1 << 3) == (Throttle.HARDWARE_SLOWDOWN,)
    assert throttles(None) == throttles(0) == throttles(1 << 20) == ()


_LOOK = (
    "import sys\nfrom evaluators.nvml import find_gpus\nfrom evolution.evaluation import Tier\n"
    "found = find_gpus(Tier.NAMESPACES)\nprint(len(found.devices), 'pynvml' in sys.modules, found.reasons)\n"
    "for device in found.devices:\n    print(found.driver.look(device.gpu))\n"
)


def test_without_the_drivers_library_nothing_of_its_interface_is_loaded() -> None:
    said = subprocess.run([sys.executable, "-c", _LOOK], check=True, capture_output=True, text=True).stdout
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a driver")
    assert said == "0 False ('there is no driver of NVIDIA (libnvidia-ml.so.1 is not installed)',)\n"


@pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="no GPU here: the driver's own words are not heard")
def test_a_real_device_is_found_and_read() -> None:
    said = subprocess.run([sys.executable, "-c", _LOOK], check=True, capture_output=True, text=True).stdout
    assert not said.startswith("0 "), said
    assert "sm_clock_max_mhz=None" not in said, said


@pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="no GPU here: no stage holds a real one")
def test_a_real_device_is_held_for_a_stage_and_comes_back_clean(tmp_path: Path) -> None:
    judge = """
import os
def evaluate(candidate, context):
    return {"score": float(candidate.call("answer"))}
"""
    seed = (
        "import os\n# EVOLVE-BLOCK-START\ndef answer():\n    os.close(os.open('/dev/nvidiactl', os.O_RDWR))\n"
        "    return os.environ['CUDA_VISIBLE_DEVICES'].startswith('GPU-') + 1\n# EVOLVE-BLOCK-END\n"
    )
    toml = TOML.replace('name = "score"', 'name = "score"\ngpus = 1').replace('picture = "picture"\n', "")
    checked = galapagos("check", problem_folder(tmp_path / "problem", toml, seed, judge), "--json")
    assert (checked.answer["usable"], checked.answer["seed_score"]) == (True, 2.0), checked
