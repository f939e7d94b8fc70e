"""`python -m evaluators.slots_health FOLDER`: ends with 0 if the slots service of a folder can make slots, with 1 if not.

For orchestrators, which ask every few seconds: so it loads nothing but sockets.
"""

import json
import socket
import sys

PATIENCE_S = 15.0


def fault(folder: str) -> str:
    """Why the service cannot make slots; nothing if it can."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(PATIENCE_S)
            line.connect(f"{folder}/service")
            return str(json.loads(line.makefile("rb").readline()).get("fault", ""))
    except (OSError, ValueError) as error:
        return f"expected the greeting of the slots service in {folder}; {error}"


if __name__ == "__main__":
    if said := fault(sys.argv[1]):
        sys.stderr.write(f"{said}\n")
        sys.exit(1)
