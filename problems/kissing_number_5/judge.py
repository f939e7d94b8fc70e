"""Counts vectors in 5 dimensions that are at least 60 degrees apart."""

from galapagos_exact.judging import Judge
from galapagos_exact.vectors import Kissing

_judge = Judge(Kissing(5, most=200))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
