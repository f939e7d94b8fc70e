"""Scores step functions by flatness."""

from galapagos_exact.functions import Autocorrelation, Norm
from galapagos_exact.judging import Judge

_judge = Judge(Autocorrelation(Norm.FLATNESS, signed=False))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
