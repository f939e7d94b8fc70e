"""The process that ours are forked from: what all of them import is imported once, and held in memory once.

    python -m galapagos.forkserver DESCRIPTOR

The descriptor is that of a socket to the supervisor. A request is a line of JSON (`module`, whose `main` is to be run) with two
descriptors: the environment of the process that is to be, as JSON, and its log. Only the fork reads its environment, so
a key that one process is told is never in the memory of another. When the supervisor ends the kernel kills this process, and
when this one ends, all of its forks.
"""

import gc
import importlib
import json
import os
import select
import socket
import sys
import time

from setproctitle import setproctitle

from database.ending import ending
from galapagos.child import die_with

_HELD = ("controller.__main__", "workers.__main__", "evaluators.__main__")
LARGEST_MESSAGE = 4096
_LARGEST_ENVIRONMENT = 1 << 22


class ForkServer:
    """Forks what it is asked for, and tells when each fork has ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._forks: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> str | None:
        """None once the supervisor is gone. In a fork: the module that it is to run."""
        self._tell({"ready": True})
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor != self._control.fileno():
                    self._report(descriptor)
                    continue
                data, descriptors, _, _ = socket.recv_fds(self._control, LARGEST_MESSAGE, 2, socket.MSG_CMSG_CLOEXEC)
                if not data:
                    return None
                module = self._fork(json.loads(data)["module"], *descriptors)
                if module is not None:
                    return module

    def _fork(self, module: str, environment: int, log: int) -> str | None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become(module, environment, log, parent)
            return module
        pidfd = os.pidfd_open(pid)
        self._forks[pidfd] = pid
        self._poll.register(pidfd, select.POLLIN)
        self._tell({"started": pid}, pidfd)
        os.close(environment)
        os.close(log)
        return None

    def _become(self, module: str, environment: int, log: int, parent: int) -> None:
        die_with(parent)
        os.setsid()
        self._control.close()
        for pidfd in self._forks:
            os.close(pidfd)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # First, since the place of the title is found beside the environment that we were started with.
        setproctitle(f"{sys.executable} -m {module.removesuffix('.__main__')}")
        os.environ.clear()
        os.environ.update(json.loads(os.pread(environment, _LARGEST_ENVIRONMENT, 0)))
        os.close(environment)
        os.close(log)
        time.tzset()
        sys.argv = [module]

    def _report(self, pidfd: int) -> None:
        pid = self._forks.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        self._tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, object], descriptor: int | None = None) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], [] if descriptor is None else [descriptor])


def main() -> int:
    """Serve until the supervisor is gone; in a fork, what its module returns."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for module in _HELD:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    module = ForkServer(control).serve()
    return 0 if module is None else importlib.import_module(module).main()


if __name__ == "__main__":
    with ending():
        sys.exit(main())
