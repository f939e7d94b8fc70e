import importlib.util
import json
from pathlib import Path

from lines.distance import distance
from openevolve.evaluation_result import EvaluationResult

TRUTH = json.loads((Path(__file__).parent / "truth.json").read_text())


def _guess(program_path):
    spec = importlib.util.spec_from_file_location("candidate", program_path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.guess(TRUTH["points"])


def evaluate_stage1(program_path):
    slope, offset = _guess(program_path)
    return {"combined_score": 1.0 if slope > 0 else 0.0, "stage": "first", "ran": True, "nothing": None, "kept": 7}


def evaluate_stage2(program_path):
    slope, offset = _guess(program_path)
    off = distance(slope, offset, TRUTH["points"])
    return EvaluationResult(
        metrics={"combined_score": 1.0 / (1.0 + off), "distance": off, "stage": "second"},
        artifacts={"worst": "the third point\nis far away", "raw": b"\x00bytes"},
    )


def evaluate(program_path):
    return evaluate_stage2(program_path)
