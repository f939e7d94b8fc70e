"""Scores sets by their sums against their differences."""

from galapagos_exact.judging import Judge
from galapagos_exact.sets import SumsAgainstDifferences

_judge = Judge(SumsAgainstDifferences(most=512, largest=10**6))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
