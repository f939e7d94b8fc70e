"""Scores packings of 32 circles in the unit square."""

from galapagos_exact.circles import CirclesInSquare
from galapagos_exact.judging import Judge

_judge = Judge(CirclesInSquare(32))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
