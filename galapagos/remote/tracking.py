"""Runs in trackers of experiments: MLflow and Weights & Biases (the extras `mlflow` and `wandb`).

A run of a service is one run of the tracker: told of a second time, it is the same one and goes on.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from evolution.run import RunState
from galapagos.failures import ExitCode, Failure
from galapagos.remote.client import AsyncClient
from galapagos.remote.extras import TrackerName, extra
from server.schemas.programs import ProgramDetail
from server.schemas.results import Record
from server.schemas.runs import RunDetail

Given = ParamSpec("Given")
Found = TypeVar("Found")
LOOK_S = 5.0
_LONGEST = 500
"""Characters of a parameter's value that MLflow's stores take."""


class Tracker(Protocol):
    """Takes one run."""

    def curve(self, records: Sequence[Record]) -> None:
        """Take best scores, in order, each as a step of as many evaluations."""
        ...

    def stands(self, run: RunDetail) -> None:
        """Take how the run stands."""
        ...

    def end(self, run: RunDetail, best: ProgramDetail | None) -> str:
        """Take what a run has come to; returns where it is to be seen."""
        ...


class Mlflow:
    """A run of MLflow, at the tracking address that MLflow's own settings name."""

    def __init__(self, run: RunDetail, service: str, experiment: str) -> None:
        self._mlflow = extra("mlflow", "mlflow")
        self._client = self._mlflow.MlflowClient()
        identity = _identity(run, service)
        found = self._client.get_experiment_by_name(experiment)
        place = found.experiment_id if found is not None else self._client.create_experiment(experiment)
        known = self._client.search_runs([place], f"tags.`galapagos.identity` = '{identity}'", max_results=1)
        if known:
            self._run = known[0].info.run_id
        else:
            tags = {"galapagos.identity": identity, **_facts(run, service)}
            made = self._client.create_run(place, tags=tags, run_name=f"{run.problem}-{run.id}")
            self._run = made.info.run_id
            for name, value in _parameters(run).items():
                self._client.log_param(self._run, name, str(value)[:_LONGEST])
        self._began_ms = int(run.created_at.timestamp() * 1000)

    def curve(self, records: Sequence[Record]) -> None:
        """See `Tracker`."""
        metric = self._mlflow.entities.Metric
        points = [
            metric(name, value, self._began_ms + int(1000 * record.seconds), record.evaluations)
            for record in records
            for name, value in _point(record).items()
        ]
        for first in range(0, len(points), 1000):
            self._client.log_batch(self._run, metrics=points[first : first + 1000])

    def stands(self, run: RunDetail) -> None:
        """See `Tracker`."""
        for name, value in _summary(run).items():
            self._client.log_metric(self._run, name, value, step=run.evaluations)

    def end(self, run: RunDetail, best: ProgramDetail | None) -> str:
        """See `Tracker`."""
        if best is not None:
            for path, text in best.files.items():
                self._client.log_text(self._run, text, f"program/{path}")
        if run.state is RunState.FINISHED:
            self._client.set_tag(self._run, "galapagos.stop_reason", run.stop_reason or "")
            self._client.set_terminated(self._run)
        return f"run {self._run} of MLflow at {self._mlflow.get_tracking_uri()}"


class Wandb:
    """A run of Weights & Biases, wherever its own settings say; `WANDB_MODE=offline` keeps it on this machine."""

    def __init__(self, run: RunDetail, service: str, experiment: str) -> None:
        self._wandb = extra("wandb", "wandb")
        self._run = self._wandb.init(
            project=experiment,
            id=_identity(run, service),
            name=f"{run.problem}-{run.id}",
            resume="allow",
            config={**_parameters(run), **_facts(run, service)},
            settings=self._wandb.Settings(silent=True, disable_git=True, x_disable_stats=True, console="off"),
        )
        self._run.define_metric("best_score", step_metric="evaluations")
        self._told = int(self._run.summary.get("evaluations", -1))

    def curve(self, records: Sequence[Record]) -> None:
        """See `Tracker`."""
        for record in records:
            if record.evaluations > self._told:
                self._run.log({"evaluations": record.evaluations, **_point(record)})

    def stands(self, run: RunDetail) -> None:
        """See `Tracker`."""
        self._run.summary.update(_summary(run))

    def end(self, run: RunDetail, best: ProgramDetail | None) -> str:
        """See `Tracker`."""
        if best is not None:
            artifact = self._wandb.Artifact(f"{run.problem}-best", type="program", metadata={"run": run.id})
            for path, text in best.files.items():
                with artifact.new_file(path) as file:
                    file.write(text)
            self._run.log_artifact(artifact)
        if run.stop_reason is not None:
            self._run.summary["stop_reason"] = run.stop_reason.value
        place = self._run.url or f"the folder {self._run.dir}"
        self._run.finish()
        return f"run {self._run.id} of Weights & Biases at {place}"


async def track(client: AsyncClient, run: int, to: TrackerName, experiment: str, *, follow: bool) -> str:
    """Tell a tracker of a run, up to now or, with `follow`, until it ends; returns where it is to be seen.

    Raises:
        Failure: the tracker's package is not installed, or refuses.
        ServiceError: the run is not there for the caller.
        ServiceUnavailable: the service is away.
    """
    found = await client.run(run)
    tracker = await _waited(_tracker, to, found, client.connection.url, experiment)
    told = 0
    while True:
        found = await client.run(run)
        records = [record async for record in client.records(run)]
        await _waited(tracker.curve, records[told:])
        await _waited(tracker.stands, found)
        told = len(records)
        if found.state is RunState.FINISHED or not follow:
            return await _waited(tracker.end, found, await client.best(run))
        await asyncio.sleep(LOOK_S)


def _tracker(to: TrackerName, run: RunDetail, service: str, experiment: str) -> Tracker:
    kind = Mlflow if to is TrackerName.MLFLOW else Wandb
    return kind(run, service, experiment)


async def _waited(call: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
    """Call what waits for files and networks."""
    try:
        return await asyncio.to_thread(call, *given, **named)
    except Exception as error:
        # Their families of exceptions can be named only where they are installed.
        if type(error).__module__.split(".")[0] in {"mlflow", "wandb"}:
            raise Failure(f"the tracker refuses: {str(error)[:500]}", ExitCode.MACHINE) from error
        raise


def _point(record: Record) -> dict[str, float]:
    point = {"best_score": record.score, "seconds": record.seconds}
    return point if record.micro_dollars is None else point | {"dollars": record.micro_dollars / 1e6}


def _summary(run: RunDetail) -> dict[str, float]:
    spent = None if run.spent_micro_dollars is None else run.spent_micro_dollars / 1e6
    found = {
        "seed_score": run.seed_score,
        "verified_score": run.verified_score,
        "evaluations_done": run.evaluations,
        "dollars_spent": spent,
        "gpu_seconds": run.gpu_milliseconds / 1000 if run.gpu_milliseconds else None,
        "cells_filled": sum(run.cells.values()),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _identity(run: RunDetail, service: str) -> str:
    return hashlib.sha256(f"{service}/runs/{run.id}".encode()).hexdigest()[:16]


def _facts(run: RunDetail, service: str) -> dict[str, str]:
    """Where the run is, what its score was made of, and how far it can be trusted."""
    return {
        "galapagos.service": service,
        "galapagos.run": str(run.id),
        "galapagos.problem": run.problem,
        "galapagos.revision": run.revision,
        "galapagos.tier": run.tier.value,
        "galapagos.score_isolated": str(run.score_isolated).lower(),
    }


def _parameters(run: RunDetail) -> dict[str, Any]:
    return {"seed": run.seed, **dict(_flat(run.config.model_dump(mode="json", exclude_none=True)))}


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(cast("dict[str, Any]", inner), f"{before}{name}.")
        else:
            yield f"{before}{name}", json.dumps(inner) if isinstance(inner, list) else inner
