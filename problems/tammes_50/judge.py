"""Scores fifty points on the sphere by their smallest distance."""

from galapagos_exact.judging import Judge
from galapagos_exact.points import Tammes

_judge = Judge(Tammes(50))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
