"""The command that begins a new problem."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from galapagos import options
from galapagos.new_problem import Kind, make_problem

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The problem's name, and that of its new folder.")]
KindOption = Annotated[Kind, typer.Option("--kind", help="What is sought: a construction, a function, or a kernel in C.")]
IntoOption = Annotated[Path, typer.Option("--into", metavar="FOLDER", help="Where the folder is made. [default: here]")]


def new(
    name: NameArgument,
    kind: KindOption = Kind.MATHEMATICS,
    into: IntoOption = Path(),
    as_json: options.JsonOption = False,
) -> None:
    """Make a problem's folder from a template that works as it is."""
    files = make_problem(name, kind, into)
    folder = into / name
    if as_json:
        told = {"folder": str(folder), "kind": kind.value, "files": [file.name for file in files]}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    lines = [f"{folder}: {', '.join(file.name for file in files)}", "change the judge and the seed into your own, then:"]
    lines += [f"  galapagos {verb} {folder}" for verb in ("check", "audit", "run")]
    sys.stdout.write("\n".join(lines) + "\n")
