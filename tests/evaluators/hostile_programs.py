"""Bodies of a function that hurt, cheat or hang, by kind; each is a candidate of its own beside honest ones."""

MARK = "galapagos-left-behind"
"""In the name of every file that one of them tries to leave."""

_RUNS_ON = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(600)",
    "stops itself": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); import time; time.sleep(600)",
    "ignores signals": """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True: pass
""",
    "drips": """
import os, time
while True:
    os.write(3, b"G")
    time.sleep(0.02)
""",
}
_STARTS_MANY = {
    "forks": """
import os
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
""",
    "threads": """
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(600,)).start()
""",
    "orphans that burn": """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: pass
        os._exit(0)
    os.wait()
os._exit(0)
""",
}
_TAKES_ALL = {
    "memory": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "one array": "import numpy\nreturn numpy.ones(1 << 40)",
    "memory of many": """
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = bytearray(100 << 20)
        for i in range(0, len(x), 4096):
            x[i] = 1
        time.sleep(600)
time.sleep(600)
""",
    "disk": """
for number in range(64):
    with open(f"file{number}", "wb") as file:
        file.write(bytes(1 << 20))
import time
time.sleep(600)
""",
    "files": "for number in range(5000): open(str(number), 'w').close()\nimport time\ntime.sleep(600)",
    "descriptors": "import os\nreturn [os.open('/dev/null', 0) for _ in range(5000)]",
    "output": "import os\nos.system('yes | head -c 3000000')\nraise ValueError('x' * 1_000_000)",
    "its memory file": "import mmap, os\nx = mmap.mmap(5, 64 << 20)\nx[:] = b'x' * (64 << 20)\nos._exit(0)",
}
_LIES = {
    "ends with success": "import os\nprint('score: 1e9')\nos._exit(0)",
    "crashes": "import ctypes\nctypes.string_at(0)",
    "text": "return '1e9'",
    "not a number": "return float('nan')",
    "too large": "return 1 << 70",
    "an object": "return object()",
    "a liar": "class Liar(float):\n    def __eq__(self, other): return True\nreturn Liar('nan')",
    "an early reply": "import os\nos.write(3, bytes(100))\nreturn 1.0",
    "half a reply": "import os\nos.write(3, b'GAL1' + bytes(8) + b'\\xff\\xff\\x00\\x00' + bytes(4))\nos._exit(0)",
    "descriptors on the wire": """
import array, os, socket
wire = socket.socket(fileno=os.dup(3))
for _ in range(20):
    wire.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 100))])
""",
    "hangs up": "import os, time\nos.close(3)\ntime.sleep(600)",
    "an exception that fights": "class Bad(BaseException):\n    def __str__(self): raise self\nraise Bad()",
}
_REACHES_OUT = {
    "a socket": "import socket\nsocket.create_connection(('127.0.0.1', 5432))",
    "another architecture": "import ctypes\nctypes.CDLL(None).syscall(0x40000000 + 39)\nraise ValueError",
    "signals to all": """
import os, signal
for pid in [-1, 1, *range(2, 3000)]:
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
raise ValueError
""",
    "files left": f"""
import os, pathlib
for place in (".", "..", "/tmp", "/dev/shm", "/var/tmp", "/run", "/"):
    try:
        (pathlib.Path(place) / "{MARK}").write_text("x")
    except OSError:
        pass
os.mkdir("closed")
os.chdir("closed")
for _ in range(200):
    os.mkdir("{MARK}")
    os.chdir("{MARK}")
os.chmod(".", 0)
raise ValueError
""",
    "limits": """
import resource
for kind in range(16):
    try:
        resource.setrlimit(kind, (0, 0))
    except (OSError, ValueError):
        pass
raise ValueError
""",
}
KINDS = _RUNS_ON | _STARTS_MANY | _TAKES_ALL | _LIES | _REACHES_OUT
