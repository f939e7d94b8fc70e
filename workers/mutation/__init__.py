"""Proposers that need no language model: mutation of the syntax tree, and numeric tuning."""
