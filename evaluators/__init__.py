"""Evaluators run programs under a judge, in sandboxes, and store what the judge says."""
