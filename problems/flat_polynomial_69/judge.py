"""Scores polynomials with signs as coefficients by their largest size on the unit circle."""

from galapagos_exact.judging import Judge
from galapagos_exact.signs import FlatPolynomial

_judge = Judge(FlatPolynomial(69))
evaluate, picture, artifact = _judge.evaluate, _judge.picture, _judge.artifact
