"""Stands in for OpenEvolve's package where its evaluators import from it."""

from openevolve.evaluation_result import EvaluationResult

__all__ = ["EvaluationResult"]
