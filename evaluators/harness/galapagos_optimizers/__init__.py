"""Judges of optimisers: tasks with hand-written gradients, training with a candidate's rule, AdamW as the yardstick.

The judge owns models, data, gradients, batches and loss; a candidate sees parameters, gradients and rates.
"""
