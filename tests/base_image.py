"""A base image for tests on machines that reach no registry: this machine's own Python, compilers and C library.

The files of a few Debian packages with all that they depend on, the running interpreter and the packages that boxes
hold are put into an archive, as they lie here. It is kept outside of the checkout and made anew when a version changes.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

from evaluators.confinement import interpreter, package_folders

_WANTED = ("dash", "coreutils", "findutils", "libc-bin", "gcc", "g++", "libc6-dev")
_LEFT_OUT = ("/usr/share/", "/usr/lib/python3/", "/etc/", "/var/", "/usr/lib/debug/", "/usr/lib/systemd/")
_UNUSED = ("lto-dump", "/lto1", "libasan", "libtsan", "liblsan", "libubsan", "libhwasan", "libgprofng", "/gconv/", "/lib32/")
"""Large parts of the compilers' packages that no test's compilation touches."""
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
PYTHON = "usr/local"
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_FORMAT = 4


class NoBaseImage(RuntimeError):
    """This machine is not made of Debian's packages."""


def _packages() -> dict[str, str]:
    """The wanted packages with all that they need, each with its version."""
    fields = "${Package}\t${Depends}, ${Pre-Depends}\t${Provides}\t${Version}\t${db:Status-Status}\n"
    try:
        listed = subprocess.run(["dpkg-query", "-W", "-f", fields], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoBaseImage(f"expected a system of Debian packages to make a base image from; {error}") from None
    rows = [line.split("\t") for line in listed.splitlines()]
    installed = {row[0]: row for row in rows if row[4] == "installed"}
    provided = {name.strip().split(" ")[0]: row[0] for row in installed.values() for name in row[2].split(",")}
    found: dict[str, str] = {}
    todo = list(_WANTED)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        if name not in installed:
            raise NoBaseImage(f"expected the package {name} to make a base image from; run: apt-get install -y {name}")
        found[name] = installed[name][3]
        for wish in installed[name][1].split(","):
            names = [one.strip().split(" ")[0].split(":")[0] for one in wish.split("|")]
            known = [one if one in installed else provided.get(one) for one in names]
            todo += [one for one in known if one][:1]
    return found


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "galapagos-test"


def base_archive() -> tuple[str, Path]:
    """The name of the base image on this machine and the archive to import, made now if it is not yet there.

    Raises:
        NoBaseImage: it cannot be made here.
    """
    packages = _packages()
    own = {name: str(folder.stat().st_mtime_ns) for name, folder in package_folders().items()}
    key = hashlib.sha256(json.dumps([_FORMAT, packages, own, sys.version, platform.machine()]).encode()).hexdigest()[:16]
    path = _folder() / f"base-{key}.tar"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob("base-*.tar"):
            old.unlink(missing_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            _write(part, sorted(packages))
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
    return f"galapagos-test-base:{key}", path


def _write(path: Path, packages: list[str]) -> None:
    added: set[str] = set()
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:

        def add(source: Path, name: str) -> None:
            if name not in added:
                added.add(name)
                archive.add(source, name, recursive=False, filter=_as_root)

        for folder in (*filter(_is_link, _MERGED), "usr", "etc", "tmp", "var", "dev", "proc", "sys"):
            add(Path("/", folder), folder)
        listed = subprocess.run(["dpkg", "-L", *packages], check=True, capture_output=True, text=True).stdout.split("\n")
        for name in sorted(set(listed)):
            place = _merged(name)
            wanted = name.startswith("/") and not name.startswith(_LEFT_OUT) and not any(part in name for part in _UNUSED)
            if wanted and place.exists():
                add(place, str(place).lstrip("/"))
        for source, name in _python_files():
            add(source, name)
        archive.addfile(_other_name_of_packages())
        for library in _libraries(added):
            place = library.parent.resolve() / library.name
            for one in {place, place.resolve()}:
                add(one, str(one).lstrip("/"))


def _other_name_of_packages() -> tarfile.TarInfo:
    """A link for Debian's own interpreter, which looks for packages in a folder of another name."""
    link = tarfile.TarInfo(f"{PYTHON}/lib/{VERSION}/dist-packages")
    link.type, link.linkname = tarfile.SYMTYPE, "site-packages"
    return link


def _is_link(folder: str) -> bool:
    return Path("/", folder).is_symlink()


def _merged(name: str) -> Path:
    """Where a package's file lies on a system whose /lib is a link to /usr/lib; the file itself may be a link."""
    path = Path(name)
    return path.parent.resolve() / path.name


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _python_files() -> list[tuple[Path, str]]:
    """The interpreter that runs the tests, with its standard library and the packages of boxes, as one in /usr/local."""
    standard = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    files = [(interpreter(), f"{PYTHON}/bin/{VERSION}"), (interpreter(), f"{PYTHON}/bin/python3")]
    # Beside the C library, where it is found without a cache of libraries.
    place = f"usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
    files += [(library, f"{place}/{library.name}") for library in Path(sys.base_prefix, "lib").glob("libpython*.so*")]
    unwanted = {"test", "tests", "site-packages", "dist-packages", "idlelib", "tkinter", "ensurepip", "turtledemo"}
    files += _tree(standard, f"{PYTHON}/lib/{VERSION}", unwanted)
    target = f"{PYTHON}/lib/{VERSION}/site-packages"
    for name, folder in package_folders().items():
        files += _tree(folder, f"{target}/{name}", {"tests"})
        for information in folder.parent.glob(f"{name}-*.dist-info"):
            files += _tree(information, f"{target}/{information.name}", set())
    return files


def _tree(folder: Path, name: str, unwanted: set[str]) -> list[tuple[Path, str]]:
    found = [(folder, name)]
    for entry in sorted(folder.iterdir()):
        if entry.name in unwanted or entry.name.startswith("config-"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            found += _tree(entry, f"{name}/{entry.name}", unwanted)
        else:
            found.append((entry, f"{name}/{entry.name}"))
    return found


def _libraries(added: set[str]) -> set[Path]:
    """What the interpreter and its modules are linked to and no package above has brought."""
    programs = [source for source, name in _python_files() if name.endswith((".so", "/bin/python3"))]
    said = subprocess.run(["ldd", *map(str, programs)], check=False, capture_output=True, text=True).stdout
    paths = {
        Path(word) for line in said.splitlines() for word in line.split() if word.startswith("/") and not word.endswith(":")
    }
    own = Path(sys.base_prefix)
    return {
        path
        for path in paths
        if path.is_file() and not path.is_relative_to(own) and str(_merged(str(path))).lstrip("/") not in added
    }
