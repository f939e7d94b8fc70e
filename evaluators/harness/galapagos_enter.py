"""The first thing in a slot's container: find the launcher, take its environment, and become the zygote.

    galapagos_enter.py facts     print what this image holds, as JSON
    galapagos_enter.py candidate|judge

The launcher's socket lies in a folder that is shared with this container for reading only.
"""

import hashlib
import json
import os
import platform
import shutil
import socket
import sys
import time

CONTROL = "/galapagos/slot/control"
_SCRATCH = "/scratch/tmp"
_COMPILERS = ("gcc", "g++", "rustc")
_LARGEST_MESSAGE = 1 << 16
_PATIENCE_S = 30.0
_RETRY_S = 0.01
_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would be one more import at each start


def digest(folder: str) -> str:
    """A hash of the harness in `folder`: launcher and image must hold the same."""
    whole = hashlib.sha256()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            with open(f"{place}/{name}", "rb") as file:  # noqa: PTH123 - as above
                whole.update(f"{place[len(folder) :]}/{name}\0".encode() + hashlib.sha256(file.read()).digest())
    return whole.hexdigest()


def facts() -> dict[str, object]:
    """What decides whether this image serves the launcher, and what a score may depend on."""
    import msgspec
    import numpy as np
    from galapagos_confine import landlock_version

    return {
        "harness": digest(_FOLDER),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "msgspec": msgspec.__version__,
        "compilers": [name for name in _COMPILERS if shutil.which(name, path="/usr/bin:/bin")],
        "landlock": landlock_version(),
    }


def _connect() -> socket.socket:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            control.connect(CONTROL)
        except (FileNotFoundError, ConnectionRefusedError):
            control.close()
            if time.monotonic() > deadline:
                raise
            # A container that is started again may be sooner than its launcher.
            time.sleep(_RETRY_S)
        else:
            return control


def _enter(role: str) -> None:
    control = _connect()
    if role == "candidate":
        # Some runtimes give a mounted space the mode of the folder below it.
        os.chmod(_SCRATCH, 0o1777)  # noqa: PTH101, S103 - as above; each candidate is another user
        # No shared memory is mounted here; programs that ask for it get their own temporary space.
        os.symlink(_SCRATCH, "/dev/shm")  # noqa: PTH211, S108 - as above; within a box
    variables = json.loads(control.recv(_LARGEST_MESSAGE))
    control.set_inheritable(True)
    arguments = ["-s", "-S", "-P", "-B", f"{_FOLDER}/galapagos_zygote.py", str(control.fileno())]
    os.execve(sys.executable, [sys.executable, *arguments], variables)  # noqa: S606 - no shell is the point


def main() -> None:
    """Do what the only argument names."""
    if sys.argv[1] == "facts":
        sys.stdout.write(json.dumps(facts()) + "\n")
    else:
        _enter(sys.argv[1])


if __name__ == "__main__":
    main()
