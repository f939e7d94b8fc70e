"""Scores schemes that multiply 3 x 4 by 4 x 7 matrices over the Gaussian rationals."""

from galapagos_exact.judging import Judge
from galapagos_exact.tensors import MatrixMultiplication, Ring

_judge = Judge(MatrixMultiplication(3, 4, 7, Ring.GAUSSIAN))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
