"""Scores 16 points by the ratio of their largest to their smallest distance."""

from galapagos_exact.judging import Judge
from galapagos_exact.points import DistanceRatio

_judge = Judge(DistanceRatio(16, 2))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
