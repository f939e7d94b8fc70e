"""What imported modules do after every fork, left out of the zygote's own forks, where it would only cost pages."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

_Hooks = dict[str, Callable[[], Any]]


class ForkHooks:
    """Stands in for the hooks that modules register while they are imported within `with`.

    A fork of the zygote, which has one thread and holds no lock, needs none of them but a fresh seed for Python's
    generator of random numbers. Any later fork, by a candidate or a judge, runs all of them as Python would.
    """

    def __init__(self) -> None:
        self._noted: list[_Hooks] = []
        self._first = False
        self._register = os.register_at_fork
        self._seed: Callable[[], Any] = _nothing

    def __enter__(self) -> None:
        os.register_at_fork = self._note

    def __exit__(self, *_: object) -> None:
        import _random
        import random

        os.register_at_fork = self._register
        # Past the method written in Python, which runs once more after every fork that is not the zygote's.
        self._seed = partial(_random.Random.seed, vars(random)["_inst"])
        self._register(before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child)
        self._first = True

    def _note(self, **hooks: Callable[[], Any]) -> None:
        self._noted.append(hooks)

    def _before(self) -> None:
        if not self._first:
            for hooks in reversed(self._noted):
                hooks.get("before", _nothing)()

    def _in_parent(self) -> None:
        if not self._first:
            for hooks in self._noted:
                hooks.get("after_in_parent", _nothing)()

    def _in_child(self) -> None:
        if self._first:
            self._first = False
            self._seed()
        else:
            for hooks in self._noted:
                hooks.get("after_in_child", _nothing)()


def _nothing() -> None:
    return None
