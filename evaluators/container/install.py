"""Puts the locked packages of a box into /galapagos/packages while the image is built.

What the base image already has in the locked version is used; the rest is fetched and checked by its hash.
"""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")
TARGET = Path("/galapagos/packages")


def in_base(name: str, versions: set[str]) -> bool:
    """Make a package of the base image importable from the target folder, if it has a locked version."""
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    spec = importlib.util.find_spec(name)
    if found not in versions or spec is None or spec.origin is None:
        return False
    folder = Path(spec.origin).parent
    for part in (folder, folder.with_name(f"{name}.libs")):
        if part.is_dir():
            (TARGET / part.name).symlink_to(part)
    return True


def main() -> None:
    """Install all of them."""
    TARGET.mkdir(parents=True)
    locked: dict[str, set[str]] = {}
    # A name may be locked to several versions, one for each range of Python's.
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE):
        locked.setdefault(name, set()).add(version)
    if all(in_base(name, versions) for name, versions in locked.items()):
        return
    for entry in TARGET.iterdir():
        entry.unlink()
    options = [
        "--no-cache-dir",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--target",
        str(TARGET),
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "-r", str(LOCK)], check=True)


main()
