"""How the program of a candidate's box is loaded, by what its zygote was told."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from galapagos_confine import SystemCallFilter

Load = Callable[[], Callable[[str, Sequence[Any]], Callable[[], object]]]


def loader(
    files: Mapping[str, str], main: str, compiler: dict[str, Any] | None, no_new_process: SystemCallFilter, *, peer: bool
) -> Load:
    """What loads the program: an evaluator of another system (`peer`), Python, or the compiler that is described."""
    if peer:
        from galapagos_peers import load_peer

        return partial(load_peer, files)
    if compiler is None:
        from galapagos_candidate import load_python

        return partial(load_python, files, main)
    from galapagos_compiled import Compiler, load_compiled

    return partial(load_compiled, files, main, msgspec.convert(compiler, Compiler), no_new_process)
