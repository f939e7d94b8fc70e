"""Writes what Python's metadata say of this checkout beside it: its name and version, for an image that installs nothing."""

import tomllib
from pathlib import Path

checkout = Path(__file__).parent
project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
folder = checkout / f"{project['name']}-{project['version']}.dist-info"
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
