"""Scores sets by their differences against their sums."""

from galapagos_exact.judging import Judge
from galapagos_exact.sets import DifferencesAgainstSums

_judge = Judge(DifferencesAgainstSums(most=1000, largest=10**6))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
