"""Scores schemes that multiply 3 x 3 by 3 x 3 matrices over the rationals."""

from galapagos_exact.judging import Judge
from galapagos_exact.tensors import MatrixMultiplication, Ring

_judge = Judge(MatrixMultiplication(3, 3, 3, Ring.RATIONALS))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
