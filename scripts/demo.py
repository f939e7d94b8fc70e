"""`make demo`: look at the machine, then let a built-in problem evolve for a short while."""

import os
import sys
from typing import NoReturn

from evaluators.probe import probe
from evolution.evaluation import Tier

PROBLEM = "circle_packing_26"


def main() -> NoReturn:
    """Become `galapagos run` in the strongest tier that this machine offers; returns only where there is none."""
    found = probe()
    if found.tier is None:
        say("this machine cannot run Galapagos: " + "; ".join(found.reasons), *found.fix)
        say("with Docker, from this folder:")
        say('    docker run --rm -it -v "$PWD":/galapagos -w /galapagos python:3.12-bookworm make demo')
        sys.exit(3)
    options = [f"--seconds={sys.argv[1]}"]
    if found.tier is Tier.PLAIN:
        say("candidates cannot be isolated here: " + "; ".join(found.reasons), "to mend it:")
        say(*(f"    {command}" for command in found.fix))
        say("until then the demo runs in tier plain, marked reduced: its candidates are mutations of code in this repository")
        options.append("--plain")
    # The same process goes on, so that a Ctrl-C reaches the run itself.
    os.execv(sys.executable, [sys.executable, "-m", "galapagos", "run", PROBLEM, *options])  # noqa: S606 - no shell is wanted


def say(*lines: str) -> None:
    """Print lines for the person at the terminal."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
