"""Scores eleven points of a triangle by their smallest triangle."""

from galapagos_exact.judging import Judge
from galapagos_exact.points import HeilbronnTriangle

_judge = Judge(HeilbronnTriangle(11))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
