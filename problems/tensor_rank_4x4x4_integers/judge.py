"""Scores schemes that multiply 4 x 4 by 4 x 4 matrices over the whole numbers."""

from galapagos_exact.judging import Judge
from galapagos_exact.tensors import MatrixMultiplication, Ring

_judge = Judge(MatrixMultiplication(4, 4, 4, Ring.INTEGERS))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
