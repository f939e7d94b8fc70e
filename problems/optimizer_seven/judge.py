"""Scores update rules on seven tasks in AdamW-equivalent steps. The judge owns models, data, gradients, schedule and loss."""

from pathlib import Path

from galapagos_optimizers.judging import Judge
from galapagos_optimizers.suites import held_out_tasks, seven_tasks
from galapagos_optimizers.training import Level

FOLDER = Path(__file__).parent
_judge = Judge(FOLDER, Level.RULE, seven_tasks(FOLDER), held_out_tasks(FOLDER))
screen, evaluate, held_out, picture = _judge.screen, _judge.evaluate, _judge.held_out, _judge.picture
