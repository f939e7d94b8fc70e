"""Writes a program of an optimizer problem as a file with a torch.optim.Optimizer."""

import ast
from pathlib import Path

from evolution.evolve_blocks import EvolveBlockError, blocks

ARGUMENTS_OF_INIT = 2
TEMPLATE = Path(__file__).with_suffix(".py.txt")


class NotAnOptimizer(ValueError):
    """The text is no program of an optimizer problem."""


def torch_source(text: str) -> str:
    """A Python file that holds the program, without the frame of its problem, and a wrapper for torch.

    Raises:
        NotAnOptimizer: it does not define `LR`, `init` and `update` with the arguments of one of the optimizer problems, or
            its markers do not pair up, or it has names of the wrapper's.
    """
    try:
        kept = text[: blocks(text)[-1].end].rstrip() + "\n"
    except EvolveBlockError as error:
        raise NotAnOptimizer(str(error)) from None
    level = level_of(kept)
    made = TEMPLATE.read_text()
    # The wrapper comes after the program, which would call its functions instead of its own.
    if shared := _defined(ast.parse(kept)) & _defined(ast.parse(made.replace("@PROGRAM@", ""))):
        raise NotAnOptimizer(f"expected other names than those of the wrapper for torch; got {min(shared)}: rename it")
    own = level == "schedule"
    parts = {
        "@TOTAL_EXAMPLE@": ", total_steps=1000" if own else "",
        "@SCHEDULE_REMARK@": " to AdamW; this program has its own and wants none" if own else "",
        "@PROGRAM@": _without_docstring(kept),
        "@LEVEL@": level,
    }
    for name, value in parts.items():
        made = made.replace(name, value)
    return made


def level_of(text: str) -> str:
    """Which of the problems a program is for: `rule`, `schedule` or `network`, by the arguments of its `update`.

    Raises:
        NotAnOptimizer: for none of them.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise NotAnOptimizer(f"line {error.lineno}: {error.msg}") from None
    functions = {node.name: [own.arg for own in node.args.args] for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "LR" not in _defined(tree) or len(functions.get("init", ())) != ARGUMENTS_OF_INIT:
        raise NotAnOptimizer("expected a program that defines LR, init(p, meta) and update; there is no such LR or init")
    update = functions.get("update", [])
    match len(update), "factor" in functions:
        case 7, True:
            return "schedule"
        case 6, _:
            return "network" if update[0] == "params" else "rule"
        case found, _:
            raise NotAnOptimizer(
                "expected update with the arguments of optimizer_rule, optimizer_full, or (with a function factor) "
                f"optimizer_schedule; got {f'{found} arguments' if update else 'no update'}"
            )


def _defined(tree: ast.Module) -> set[str]:
    """What a module defines and assigns at its top."""
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign) and node.value is not None]
    return found | {target.id for target in targets if isinstance(target, ast.Name)}


def _without_docstring(text: str) -> str:
    """The file's own docstring as a comment: it would be lost in the middle of another file."""
    tree = ast.parse(text)
    first = tree.body[0] if tree.body else None
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)):
        return text
    lines = text.splitlines()
    told = [f"# {line.strip()}".rstrip() for line in first.value.value.strip().splitlines()]
    return "\n".join([*told, *lines[first.end_lineno :]]) + "\n"
