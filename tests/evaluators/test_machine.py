"""What a machine says of itself."""

import json
import platform
import socket

from evaluators.machine import describe
from evolution.evaluation import Tier


def test_the_description_names_what_changes_timings_but_not_the_host() -> None:
    said = describe(Tier.NAMESPACES)
    assert set(said) == {"cpu", "architecture", "cores", "kernel", "python", "numpy", "tier"}
    assert said["python"] == platform.python_version()
    assert socket.gethostname() not in json.dumps(said)
    assert said == describe(Tier.NAMESPACES)
    assert said != describe(Tier.PLAIN)
