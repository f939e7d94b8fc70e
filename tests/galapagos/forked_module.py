"""What the fork server's tests fork: it does what its environment says, and tells what it sees."""

import json
import os
import sys
import time


def main() -> int:
    seen = {"key": os.environ.get("KEY"), "home": os.environ.get("HOME"), "arguments": sys.argv, "session": os.getsid(0)}
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    time.sleep(float(os.environ["SLEEPS_S"]))
    return int(os.environ["CODE"])
