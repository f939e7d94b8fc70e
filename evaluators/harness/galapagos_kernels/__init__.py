"""Judges of kernels: small functions whose speed counts, beside a reference of the folder, on inputs that nobody can know.

A kernel says how its arguments are made, what a right result is and how little work there could be; `Judge` does the
rest. What is faster than the machine can be, by a roofline measured in the judge's own process, is refused.
"""
