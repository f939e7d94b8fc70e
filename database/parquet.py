"""The Parquet form of an exported run."""

from importlib import import_module
from io import RawIOBase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# The package carries no types.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")

_CALL = pa.struct(
    [
        ("model", pa.string()),
        ("template", pa.string()),
        ("prompt", pa.string()),
        ("answer", pa.string()),
        ("failure", pa.string()),
        ("finish_reason", pa.string()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
        ("cost_micro_dollars", pa.int64()),
        ("latency_s", pa.float64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("run", pa.int64()),
        ("number", pa.int64()),
        ("operator", pa.string()),
        ("island", pa.int32()),
        ("parent", pa.int64()),
        ("inspirations", pa.list_(pa.int64())),
        ("model", pa.string()),
        ("ideas", pa.list_(pa.int64())),
        ("injection", pa.int64()),
        ("state", pa.string()),
        ("refusal", pa.string()),
        ("detail", pa.string()),
        ("duplicate_of", pa.int64()),
        ("created_at", pa.string()),
        ("files", pa.map_(pa.string(), pa.string())),
        ("generation", pa.int64()),
        ("length", pa.int64()),
        ("literals", pa.int64()),
        ("verdict", pa.string()),
        ("score", pa.float64()),
        ("metrics", pa.map_(pa.string(), pa.float64())),
        ("features", pa.map_(pa.string(), pa.float64())),
        ("duration_s", pa.float64()),
        ("gpu_s", pa.float64()),
        ("twin", pa.int64()),
        ("verified_score", pa.float64()),
        ("score_isolated", pa.bool_()),
        ("calls", pa.list_(_CALL)),
    ]
)
_MAPS = ("files", "metrics", "features")


class ParquetFile:
    """A file, or a stream of bytes, that is written page by page."""

    def __init__(self, place: Path | RawIOBase) -> None:
        self._writer = pq.ParquetWriter(place, SCHEMA, compression="zstd")

    def write(self, page: list[dict[str, Any]]) -> None:
        """Add rows; maps are given as dictionaries."""
        rows = [row | {name: list(row[name].items()) for name in _MAPS if row[name] is not None} for row in page]
        self._writer.write_table(pa.Table.from_pylist(rows, SCHEMA))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()
