"""Scores optimisers of whole networks in AdamW-equivalent steps. The judge owns models, data, gradients and loss."""

from pathlib import Path

from galapagos_optimizers.judging import Judge
from galapagos_optimizers.suites import held_out_tasks, search_tasks
from galapagos_optimizers.training import Level

FOLDER = Path(__file__).parent
_judge = Judge(FOLDER, Level.NETWORK, search_tasks(FOLDER), held_out_tasks(FOLDER))
screen, evaluate, held_out, changes, picture = _judge.screen, _judge.evaluate, _judge.held_out, _judge.changes, _judge.picture
