"""Scores schemes that multiply 2 x 2 by 2 x 2 matrices over the rationals."""

from galapagos_exact.judging import Judge
from galapagos_exact.tensors import MatrixMultiplication, Ring

_judge = Judge(MatrixMultiplication(2, 2, 2, Ring.RATIONALS))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
