"""The command that writes an evolved optimiser for PyTorch."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from galapagos.failures import ExitCode, Failure
from galapagos.options import JsonOption
from galapagos.torch_optimizer import NotAnOptimizer, torch_source

ProgramArgument = Annotated[
    Path, typer.Argument(metavar="PROGRAM", help="A program of an optimizer problem, or a folder with one (as runs/N/best).")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Where to write. [default: evolved_optimizer.py beside the program]"),
]


def optimizer(program: ProgramArgument, output: OutputOption = None, as_json: JsonOption = False) -> None:
    """Write a program of an optimizer problem as a file with a torch.optim.Optimizer."""
    file = program / "rule.py" if program.is_dir() else program
    place = output or file.parent / "evolved_optimizer.py"
    try:
        made = torch_source(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"expected to read {file}, the program: {error}", ExitCode.BAD_INPUT) from None
    except NotAnOptimizer as error:
        raise Failure(f"{file}: {error}", ExitCode.BAD_INPUT) from None
    try:
        place.write_text(made)
    except OSError as error:
        why = error.strerror or str(error)
        raise Failure(f"{place} cannot be written: {why}; name another file with --output", ExitCode.BAD_INPUT) from None
    told = {"program": str(file), "file": str(place)}
    sys.stdout.write((json.dumps(told) if as_json else str(place)) + "\n")
