"""The images of a deployment, made on machines that reach no registry: the service's own, and one that serves Postgres."""

import importlib.metadata
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import playwright

from database.binaries import find_binaries
from evaluators.confinement import package_folders
from tests.base_image import PYTHON, VERSION
from tests.docker_machine import ROOT, DockerMachine

LOCK = ROOT / "requirements-service.lock"
SERVICE = "galapagos-test-service"
POSTGRES = "galapagos-test-postgres"
_SITE = f"{PYTHON}/lib/{VERSION}/site-packages"
_NOT_FOR_BUILDS = {"@biomejs", "@redocly", "typescript", "vitest", "@vitest", ".vite", ".bin"}
_UNUSED = ("/tests/", "/include/", "__pycache__", ".pyc", "/src/")

_ENTRY = """#!/bin/sh
# What the official image does with these variables, as far as docker-compose.yml uses it.
set -eu
data=/var/lib/postgresql/data
if [ ! -s $data/PG_VERSION ]; then
  initdb -D $data -U "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
  pg_ctl -D $data -w -o '-c listen_addresses= -c unix_socket_directories=/var/run/postgresql' start
  PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") createdb -U "$POSTGRES_USER" -w "$POSTGRES_DB"
  pg_ctl -D $data -w -m fast stop
fi
exec "$@" -D $data -c unix_socket_directories=/var/run/postgresql
"""
_POSTGRES = """ARG BASE
FROM ${BASE}
ADD files.tar /
RUN chown 999:999 /var/lib/postgresql/data /var/run/postgresql && chmod 3777 /var/run/postgresql \\
    && for program in /opt/package/pginstall*/bin/*; do ln -s $program /usr/local/bin/; done
ENV PGHOST=/var/run/postgresql
ENTRYPOINT ["/entry"]
CMD ["postgres"]
"""
_BASE = "ARG BASE\nFROM ${BASE}\nADD files.tar /\n"


def make_service_image(machine: DockerMachine) -> None:
    """Build the repository's image of the service, on a base that has the locked packages and pip."""
    base = f"{SERVICE}-base"
    with tempfile.TemporaryDirectory(prefix="galapagos-packages-") as name:
        folder = Path(name)
        (folder / "Dockerfile").write_text(_BASE)
        with tarfile.open(folder / "files.tar", "w") as archive:
            for source, target in _packages():
                archive.add(source, target, recursive=False, filter=_as_root)
        machine.docker("build", "--network", "none", "--build-arg", f"BASE={machine.base}", "--tag", base, str(folder))
    machine.build("service", SERVICE, base, DASHBOARD_BASE=_dashboard_base(machine))


def _dashboard_base(machine: DockerMachine) -> str:
    """An image with Node and the dashboard's packages as they lie here, where no registry is reached."""
    subprocess.run([ROOT / "scripts" / "dashboard.sh", "build"], check=True)
    name = f"{SERVICE}-node"
    packages = ROOT / "server" / "dashboard" / "node_modules"
    node = Path(playwright.__file__).parent / "driver" / "node"
    with tempfile.TemporaryDirectory(prefix="galapagos-node-") as folder:
        (Path(folder) / "Dockerfile").write_text(_BASE)
        with tarfile.open(Path(folder) / "files.tar", "w") as archive:
            archive.add(node, f"{PYTHON}/bin/node", filter=_as_root)
            for entry in packages.iterdir():
                if entry.name not in _NOT_FOR_BUILDS:
                    archive.add(entry, f"galapagos/server/dashboard/node_modules/{entry.name}", filter=_as_root)
        machine.docker("build", "--network", "none", "--build-arg", f"BASE={machine.base}", "--tag", name, folder)
    return name


def make_postgres_image(machine: DockerMachine) -> None:
    """Build an image that serves Postgres as the official one does."""
    with tempfile.TemporaryDirectory(prefix="galapagos-postgres-") as name:
        folder = Path(name)
        (folder / "Dockerfile").write_text(_POSTGRES)
        files = folder / "files"
        installation = find_binaries(None).parent
        package = installation.parent
        shutil.copytree(installation, files / "opt/package" / installation.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, files / "opt" / libraries.name)
        for place in ("etc", "var/lib/postgresql/data", "var/run/postgresql"):
            (files / place).mkdir(parents=True)
        (files / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\npostgres:x:999:999::/:/bin/sh\n")
        (files / "etc/group").write_text("root:x:0:\npostgres:x:999:\n")
        (files / "entry").write_text(_ENTRY)
        (files / "entry").chmod(0o755)
        with tarfile.open(folder / "files.tar", "w") as archive:
            archive.add(files, "", filter=_as_root)
        shutil.rmtree(files)
        machine.docker("build", "--network", "none", "--build-arg", f"BASE={machine.base}", "--tag", POSTGRES, str(folder))


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _packages() -> list[tuple[Path, str]]:
    """The files of the locked packages and of pip as they lie here, and where they lie in the image."""
    in_base = {name.replace("_", "-") for name in package_folders()}
    locked = set(re.findall(r"^([a-z0-9.-]+)==", LOCK.read_text(), re.MULTILINE))
    found: list[tuple[Path, str]] = []
    for distribution in importlib.metadata.distributions():
        if distribution.name.lower().replace("_", "-") not in (locked | {"pip"}) - in_base:
            continue
        for file in distribution.files or ():
            name, source = str(file), Path(str(distribution.locate_file(file)))
            if any(part in name for part in _UNUSED) or not source.is_file():
                continue
            if name.startswith("../../../bin/"):
                found.append((source, f"{PYTHON}/bin/{source.name}"))
            elif not name.startswith(".."):
                found.append((source, f"{_SITE}/{name}"))
    return found
