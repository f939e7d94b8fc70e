"""Stands in for ShinkaEvolve's package where its evaluators import from it.

The names under which they ask for it all mean one module, so that none of the original's imports is paid.
"""

import sys

from shinka import evaluation

for _name in ("core", "core.wrap_eval", "eval"):
    sys.modules[f"shinka.{_name}"] = evaluation
