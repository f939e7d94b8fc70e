"""Counts vectors no three of which are on a line."""

from galapagos_exact.judging import Judge
from galapagos_exact.vectors import CapSet

_judge = Judge(CapSet(8))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
