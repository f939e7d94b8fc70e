"""Scores matrices of signs by their determinant."""

from galapagos_exact.judging import Judge
from galapagos_exact.signs import LargeDeterminant

_judge = Judge(LargeDeterminant(29, unit=2**28 * 7**12))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
