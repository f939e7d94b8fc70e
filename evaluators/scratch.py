"""A candidate's folder on the host, in the tier that has no file system of its own for it."""

import os
import secrets
import tempfile
from pathlib import Path


def make_anew(folder: Path, owner: int | None) -> None:
    """Put an empty folder of `owner` (None: ours) in the place of `folder`, and remove the old one with all that is in it.

    A new one, not the old one emptied: modes, times and attributes of a folder could be a message to the next candidate.

    Raises:
        OSError: something could not be removed.
    """
    old = Path(tempfile.mkdtemp(prefix="old-", dir=folder.parent.parent))
    folder.rename(old)
    folder.mkdir(mode=0o700)
    if owner is not None:
        os.chown(folder, owner, owner)
    remove(old)


def remove(folder: Path) -> None:
    """Remove `folder` however deep it is and whatever modes its folders have; nothing may live in it any more.

    Raises:
        OSError: something could not be removed.
    """
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        current.chmod(0o700)
        for entry in list(os.scandir(current)):
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            place = Path(entry.path)
            if current != folder:
                # Every folder comes up to the top before it is looked into, so that no path grows too long.
                place.chmod(0o700)
                place = place.rename(folder / secrets.token_hex(8))
            waiting.append(place)
        if current != folder:
            current.rmdir()
    folder.rmdir()
