"""Counts points of a grid without isosceles triangles."""

from galapagos_exact.judging import Judge
from galapagos_exact.vectors import NoIsosceles

_judge = Judge(NoIsosceles(64))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
