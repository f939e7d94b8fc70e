"""Scores step functions by largest value."""

from galapagos_exact.functions import Autocorrelation, Norm
from galapagos_exact.judging import Judge

_judge = Judge(Autocorrelation(Norm.LARGEST, signed=False))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
