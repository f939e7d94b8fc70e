"""Scores schemes that multiply 2 x 4 by 4 x 5 matrices over the rationals."""

from galapagos_exact.judging import Judge
from galapagos_exact.tensors import MatrixMultiplication, Ring

_judge = Judge(MatrixMultiplication(2, 4, 5, Ring.RATIONALS))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
