"""The packages of a folder: its requirements.txt, and well-known ones that its files import without naming them there."""

import ast
import re
import sys
from collections.abc import Mapping
from pathlib import PurePosixPath

REQUIREMENTS = "requirements.txt"
STANDS_IN = frozenset({"openevolve", "shinka", "shinka-evolve", "codeevolve"})
"""Packages of the systems themselves: what evaluators import of them is there already."""
WELL_KNOWN = {
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "numba": "numba",
    "pandas": "pandas",
    "psutil": "psutil",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "sympy": "sympy",
    "tqdm": "tqdm",
    "yaml": "pyyaml",
}
"""Import name to package, for what is installed without being asked for. Others might be anybody's."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,\[\]<>=!~*+ -]*")


def packages_of(files: Mapping[str, bytes], sources: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The packages to install, and what is to be said about them."""
    packages: dict[str, str] = {}
    notes: list[str] = []
    for path in (path for path in (REQUIREMENTS, f"input/{REQUIREMENTS}", f"input/src/{REQUIREMENTS}") if path in files):
        for line in files[path].decode("utf-8", "replace").splitlines():
            text = line.partition("#")[0].strip()
            note = _take(text, packages) if text else ""
            notes += [f"{path}: {text!r}: {note}"] if note else []
    for path in sources:
        for name in sorted(_imported(files, path)):
            package = WELL_KNOWN.get(name)
            if package is not None and package not in packages:
                packages[package] = package
                notes.append(f"{path} imports {name}: the package {package} is installed")
    return list(packages.values()), notes


def _take(text: str, packages: dict[str, str]) -> str:
    """Add one line of requirements; what is to be said where it is left out."""
    requirement = text.partition(";")[0].strip()
    found = _NAME.match(requirement)
    if found is None or not _PLAIN.fullmatch(requirement) or "://" in requirement:
        return "left out: only names with versions can be installed"
    name = found.group().lower().replace("_", "-")
    if name in STANDS_IN:
        return "left out: what evaluators import of it is there"
    if name == "numpy":
        return "left out: numpy is there, in the version of this installation"
    packages[name] = requirement.replace(" ", "")
    return "" if requirement == text else "its condition is not looked at"


def _imported(files: Mapping[str, bytes], path: str) -> set[str]:
    """The top-level packages that a Python file imports anywhere, and that neither Python nor the folder has."""
    if PurePosixPath(path).suffix != ".py":
        return set()
    try:
        tree = ast.parse(files[path])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    own = {part for file in files for part in (PurePosixPath(file).stem, *PurePosixPath(file).parts[:-1])}
    return names - own - sys.stdlib_module_names
