"""Scores 14 points by the ratio of their largest to their smallest distance."""

from galapagos_exact.judging import Judge
from galapagos_exact.points import DistanceRatio

_judge = Judge(DistanceRatio(14, 3))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
