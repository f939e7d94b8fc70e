"""`galapagos optimizer`: a program of an optimizer problem as a torch.optim.Optimizer, step by step as the judge runs it."""

import ast
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from galapagos_optimizers.training import schedule

from galapagos.cli_optimizer import optimizer
from galapagos.failures import ExitCode, Failure
from galapagos.references import reference_programs
from galapagos.torch_optimizer import NotAnOptimizer, level_of, torch_source
from tests.problems.judged import PROBLEMS, built_in

LEVELS = {"optimizer_rule": "rule", "optimizer_schedule": "schedule", "optimizer_full": "network"}
PROGRAMS = {(name, who): files["rule.py"] for name in LEVELS for who, files in reference_programs(built_in(name)).items()}
STEPS = 12
SHAPES = ((6, 7), (8, 3), (5,))
"""What the judge would show of the model: two layers, and a scale without a layer."""


@pytest.mark.parametrize(("problem", "name"), PROGRAMS)
def test_every_reference_can_be_written(problem: str, name: str) -> None:
    text = PROGRAMS[problem, name]
    assert level_of(text) == LEVELS[problem]
    made = ast.parse(torch_source(text))
    defined = {node.name for node in made.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert {"init", "update", "EvolvedOptimizer", "groups_of", "judged_schedule"} <= defined
    assert not defined & {"begin", "step", "declared_rate"}


def test_the_rate_may_have_its_type_beside_it() -> None:
    text = PROGRAMS["optimizer_rule", "adamw"].replace("LR =", "LR: float =")
    assert "LR: float =" in text
    assert "LR: float =" in torch_source(text)


def test_the_command_writes_beside_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rule.py").write_text(PROGRAMS["optimizer_rule", "muon"])
    optimizer(tmp_path, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told == {"program": str(tmp_path / "rule.py"), "file": str(tmp_path / "evolved_optimizer.py")}
    assert "def orthogonal" in (tmp_path / "evolved_optimizer.py").read_text()


def test_what_is_no_optimizer_says_why(tmp_path: Path) -> None:
    for text, said in (
        ("def answer():\n    return 1\n", "expected a program that defines LR"),
        ("LR = 1\ndef init(p, meta):\n    return []\n", "got no update"),
        ("LR = 1\ndef init(p, meta):\n    return []\ndef update(p):\n    return p\n", "got 1 arguments"),
        ("def (", "line 1"),
        ("# EVOLVE-BLOCK-START\nLR = 1\n", "without an EVOLVE-BLOCK-END"),
        (PROGRAMS["optimizer_rule", "adamw"].replace("LR =", "_shown = LR ="), "got _shown: rename"),
    ):
        with pytest.raises(NotAnOptimizer, match=said):
            torch_source(text)
    (tmp_path / "rule.py").write_text("x = 1\n")
    for path, output, said in (
        (tmp_path / "nowhere.py", None, "expected to read"),
        (tmp_path, None, "expected a program that defines LR"),
        (PROBLEMS / "optimizer_rule" / "rule.py", tmp_path / "nowhere" / "x.py", "name another file with --output"),
    ):
        with pytest.raises(Failure, match=said) as caught:
            optimizer(path, output)
        assert caught.value.code is ExitCode.BAD_INPUT


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="torch is not installed here: pip install torch, then this is tested too")


def written(text: str, folder: Path) -> ModuleType:
    path = folder / "evolved_optimizer.py"
    path.write_text(torch_source(text))
    spec = importlib.util.spec_from_file_location("evolved_optimizer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["evolved_optimizer"] = module
    spec.loader.exec_module(module)
    return module


def model_of(torch: Any, start: list[np.ndarray]) -> Any:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.zeros(5))
            self.first = torch.nn.Linear(5, 7)
            self.last = torch.nn.Linear(7, 3)

    model = Model()
    give(torch, model, start, "data")
    return model


def give(torch: Any, model: Any, tensors: list[np.ndarray], attribute: str) -> None:
    for layer, values in zip((model.first, model.last), tensors, strict=False):
        setattr(layer.weight, attribute, torch.from_numpy(values[:-1].T.copy()))
        setattr(layer.bias, attribute, torch.from_numpy(values[-1].copy()))
    setattr(model.scale, attribute, torch.from_numpy(tensors[-1].copy()))


def shown(model: Any) -> list[np.ndarray]:
    layers = (model.first, model.last)
    joined = [np.concatenate([layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None]]) for layer in layers]
    return [*joined, model.scale.detach().numpy().copy()]


def as_judged(text: str, level: str, start: list[np.ndarray], gradients: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """The parameters after each step, by the frame of the problem."""
    frame: dict[str, Any] = {}
    exec(compile(text, "rule.py", "exec"), frame)  # noqa: S102 - our own file
    kinds = ("hidden", "head", "vector")
    metas = [
        {"kind": kind, "shape": list(shape), "fan_in": shape[0], "fan_out": shape[1] if len(shape) > 1 else 1}
        for kind, shape in zip(kinds, SHAPES, strict=True)
    ]
    params = [tensor[None] for tensor in start]
    more = {"rule": [], "schedule": [STEPS], "network": [[len(SHAPES)]]}[level]
    frame["begin"](metas, params, *more)
    found: list[list[np.ndarray]] = []
    for number, slopes in enumerate(gradients, 1):
        factor = 1.0 if level == "schedule" else schedule(number, STEPS)
        rates = [np.array([0.02 * factor]) for _ in SHAPES]
        params = frame["step"](number, rates, params, [tensor[None] for tensor in slopes])
        found.append([tensor[0] for tensor in params])
    return found


@pytest.mark.parametrize(("problem", "name"), PROGRAMS)
def test_it_steps_as_the_judge_steps(torch: Any, problem: str, name: str, tmp_path: Path) -> None:
    text, level = PROGRAMS[problem, name], LEVELS[problem]
    rng = np.random.default_rng(5)
    start, *gradients = ([rng.standard_normal(shape).astype(np.float32) for shape in SHAPES] for _ in range(STEPS + 1))
    expected = as_judged(text, level, start, gradients)
    module = written(text, tmp_path)
    model = model_of(torch, start)
    made = module.EvolvedOptimizer(model, lr=0.02, total_steps=STEPS)
    rates = None if level == "schedule" else module.judged_schedule(made, STEPS)
    for number, slopes in enumerate(gradients):
        give(torch, model, slopes, "grad")
        made.step()
        if rates is not None:
            rates.step()
        for mine, other in zip(shown(model), expected[number], strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
        if number == 5:
            # Saved, and taken up by another one.
            again = module.EvolvedOptimizer(model, lr=0.02, total_steps=STEPS)
            if rates is not None:
                kept = rates.state_dict()
                rates = module.judged_schedule(again, STEPS)
                rates.load_state_dict(kept)
            again.load_state_dict(made.state_dict())
            made = again


def test_layers_of_other_kinds_are_shown_as_matrices_and_vectors(torch: Any, tmp_path: Path) -> None:
    module = written(PROGRAMS["optimizer_rule", "muon"], tmp_path)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.LayerNorm(16),
        torch.nn.Linear(16, 2, bias=False),
    )
    kinds = [(group["kind"], len(group["params"])) for group in module.groups_of(model)]
    assert kinds == [("hidden", 2), ("head", 1), ("vector", 1), ("vector", 1)]
    with pytest.raises(ValueError, match="head: expected one of"):
        module.groups_of(model, head="nothing")
    made = module.EvolvedOptimizer(model, lr=0.05)
    data = torch.randn(64, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    labels = (data.mean(dim=(1, 2, 3)) > 0).long()
    losses = []
    for _ in range(60):
        made.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(data), labels)
        loss.backward()
        made.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
