"""Scores step functions by largest size."""

from galapagos_exact.functions import Autocorrelation, Norm
from galapagos_exact.judging import Judge

_judge = Judge(Autocorrelation(Norm.LARGEST_SIZE, signed=True))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
