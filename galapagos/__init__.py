"""Galapagos evolves programs. From Python: `galapagos.evolve(problem_or_function, judge, ...)`."""

from galapagos.from_python import EvolveError, EvolveResult, evolve

__all__ = ["EvolveError", "EvolveResult", "evolve"]
