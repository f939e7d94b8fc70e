"""Scores thirteen points by their smallest triangle and their hull."""

from galapagos_exact.judging import Judge
from galapagos_exact.points import HeilbronnConvex

_judge = Judge(HeilbronnConvex(13))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
