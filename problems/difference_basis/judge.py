"""Scores difference bases."""

from galapagos_exact.judging import Judge
from galapagos_exact.sets import DifferenceBasis

_judge = Judge(DifferenceBasis(least=1000, most=1000, largest=10**6))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
