"""Scores step functions by their largest overlap with the rest."""

from galapagos_exact.functions import MinimumOverlap
from galapagos_exact.judging import Judge

_judge = Judge(MinimumOverlap())
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
