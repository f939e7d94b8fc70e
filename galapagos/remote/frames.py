"""Runs as data frames (the extra `frames`)."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from galapagos.remote.extras import extra
from server.schemas.results import Comparison

Export = Callable[[int, Path, str], Awaitable[int]]


async def programs_frame(export: Export, run: int) -> Any:
    """A row a proposal of a run, by its number: the columns of its export, with a column for each of its maps' names.

    So `metrics` becomes `metric.NAME`, and `features` `feature.NAME`.

    Raises:
        Failure: pandas is not installed.
        ServiceError: the caller may not export the run.
    """
    pandas = extra("pandas", "frames")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.parquet"
        await export(run, path, "parquet")
        frame = pandas.read_parquet(path).set_index("number")
    frame["created_at"] = pandas.to_datetime(frame["created_at"])
    for name in ("metrics", "features"):
        # Maps come as lists of pairs, and as nothing where there was no evaluation.
        rows = [dict(pairs) if pairs is not None else {} for pairs in frame.pop(name)]
        wide = pandas.DataFrame(rows, index=frame.index, dtype="float64")
        frame = frame.join(wide.add_prefix(f"{name[:-1]}."))
    return frame


def curves_frame(compared: Comparison) -> Any:
    """A row for each time that a run found a better program.

    Columns: `run`, `problem`, `evaluations`, `seconds`, `gpu_seconds`, `dollars` (missing for who may not inspect), `score`,
    `number`.

    Raises:
        Failure: pandas is not installed.
    """
    pandas = extra("pandas", "frames")
    rows = [
        {
            "run": run.run,
            "problem": run.problem,
            "evaluations": record.evaluations,
            "seconds": record.seconds,
            "gpu_seconds": record.gpu_milliseconds / 1000,
            "dollars": None if record.micro_dollars is None else record.micro_dollars / 1e6,
            "score": record.score,
            "number": record.number,
        }
        for run in compared.runs
        for record in run.records
    ]
    columns = ["run", "problem", "evaluations", "seconds", "gpu_seconds", "dollars", "score", "number"]
    return pandas.DataFrame(rows, columns=columns).astype({"dollars": "float64"})
