"""Unpacking what strangers send: in memory, within limits, plain files only.

Nothing is written to a disk, so no name can lead anywhere; names are checked all the same, since evaluators write the files
of a problem into folders later.
"""

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from evolution.folder import MOST_BYTES, MOST_FILES, left_out
from evolution.problem import ProblemError

LONGEST_PATH = 512
LONGEST_NAME = 200
DEEPEST = 16
MOST_ENTRIES = 4 * MOST_FILES
"""Entries of an archive, folders and files that are left out among them."""
_OVERHEAD = 4096
"""Bytes of a tar that one entry may take beside its content."""
_ENTRY_OF_ZIP = b"PK\x01\x02"
_UNREADABLE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    LookupError,
)


class TooMuch(Exception):
    """What came out of an archive, or was sent, goes beyond a limit."""


class _Bounded(io.RawIOBase):
    """A stream of which no more than `most` bytes can be read: what compressed bytes become is not known before."""

    def __init__(self, source: BinaryIO, most: int) -> None:
        self._source = source
        self._left = most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large()
        return piece


class _Files:
    """Collects the files of an archive and says what is wrong with one."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self._entries = 0
        self._left = MOST_BYTES

    def entry(self) -> None:
        """Count one entry, whatever it is."""
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise TooMuch(
                f"expected at most {MOST_FILES} files in a problem's archive; this one has more; remove what is not read"
            )

    def add(self, name: str, size: int, read: Callable[[int], bytes]) -> None:
        """Take a file in; `read` gets at most so many bytes of it, whatever `size` claims."""
        path = _normal(name)
        if left_out(path):
            return
        if path in self.found:
            raise ProblemError(f"{_shown(name)}: the archive holds this file twice; make the archive anew")
        if len(self.found) == MOST_FILES:
            raise TooMuch(
                f"expected at most {MOST_FILES} files in a problem's archive; this one has more; remove what is not read"
            )
        if size > self._left:
            raise _too_large()
        content = read(self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise _too_large()
        self.found[path] = content


def unpack_tar(body: bytes) -> dict[str, bytes]:
    """The files of a tar archive, compressed by gzip or not.

    Raises:
        ProblemError: it cannot be read, or holds a link, a special file or an unusable name.
        TooMuch: more than `MOST_FILES` files or `MOST_BYTES` bytes.
    """
    files = _Files()
    plain = cast("BinaryIO", gzip.GzipFile(fileobj=io.BytesIO(body)) if body[:2] == b"\x1f\x8b" else io.BytesIO(body))
    bounded = _Bounded(plain, MOST_BYTES + MOST_ENTRIES * _OVERHEAD)
    try:
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            for member in archive:
                files.entry()
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise ProblemError(
                        f"{_shown(member.name)}: an archive of a problem must hold plain files only, no links and no devices; "
                        "put a copy there"
                    )
                content = archive.extractfile(member)
                if content is not None:
                    files.add(member.name, member.size, content.read)
    except (ProblemError, TooMuch):
        raise
    except _UNREADABLE as error:
        raise _unreadable("tar", error) from error
    return _checked(files.found)


def unpack_zip(body: bytes) -> dict[str, bytes]:
    """The files of a zip archive.

    Raises:
        ProblemError: it cannot be read, or holds a link, a file under a password or an unusable name.
        TooMuch: more than `MOST_FILES` files or `MOST_BYTES` bytes.
    """
    if body.count(_ENTRY_OF_ZIP) > MOST_ENTRIES:
        raise _too_many()
    files = _Files()
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for info in archive.infolist():
                files.entry()
                if info.is_dir():
                    continue
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in {0, stat.S_IFREG} or info.flag_bits & 1:
                    raise ProblemError(
                        f"{_shown(info.filename)}: an archive of a problem must hold plain files only, no links and nothing "
                        "under a password; put a copy there"
                    )
                with archive.open(info) as content:
                    files.add(info.filename, info.file_size, content.read)
    except (ProblemError, TooMuch):
        raise
    except _UNREADABLE as error:
        raise _unreadable("zip", error) from error
    return _checked(files.found)


def checked_files(given: Mapping[str, bytes]) -> dict[str, bytes]:
    """Files that came one by one, under the same rules as those of an archive.

    Raises:
        ProblemError: an unusable name.
        TooMuch: more than `MOST_FILES` files or `MOST_BYTES` bytes.
    """
    files = _Files()
    for name, content in given.items():
        files.add(name, len(content), lambda most, content=content: content[:most])
    return _checked(files.found)


def _checked(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the one folder that everything stands in, as in an archive that was made of the folder."""
    tops = {path.partition("/")[0] for path in files}
    if len(tops) == 1 and all("/" in path for path in files):
        files = {path.partition("/")[2]: content for path, content in files.items()}
    folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    if both := sorted(folders & files.keys()):
        raise ProblemError(f"{_shown(both[0])}: is a file and a folder at once; rename one of them")
    return files


def _normal(name: str) -> str:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    usable = (
        parts
        and not name.startswith("/")
        and ".." not in parts
        and len(name) <= LONGEST_PATH
        and len(parts) <= DEEPEST
        and all(len(part.encode("utf-8", "replace")) <= LONGEST_NAME and part.isprintable() for part in parts)
        and "\\" not in name
    )
    if not usable:
        raise ProblemError(
            f"{_shown(name)}: expected the name of a file to be a relative path of printable characters without '..' and "
            f"backslashes, at most {DEEPEST} deep and {LONGEST_PATH} long; rename it"
        )
    return "/".join(parts)


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 100 else name[:100] + "...")


def _too_many() -> TooMuch:
    return TooMuch(f"expected at most {MOST_FILES} files in a problem; these are more; leave out what nothing reads")


def _too_large() -> TooMuch:
    mib = MOST_BYTES >> 20
    return TooMuch(f"expected at most {mib} MiB of files in a problem; these are more; leave out what nothing reads")


def _unreadable(kind: str, error: Exception) -> ProblemError:
    return ProblemError(f"the {kind} archive cannot be read: {error or type(error).__name__}; make it anew")
