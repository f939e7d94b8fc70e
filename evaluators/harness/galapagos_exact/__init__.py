"""Exact verification for judges of mathematical constructions: read what a candidate returned, project, then prove.

Numbers become whole numbers or fractions before anything is compared, and nothing is compared with a tolerance. What
cannot be used raises `galapagos_judge.Rejected`; what can be made feasible by giving something away is made so, and the
score is what is left. `galapagos_recheck` proves the same again on other ways and shares no code with it.
"""
