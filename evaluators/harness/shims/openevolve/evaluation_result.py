"""The result type that evaluators of OpenEvolve may return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class EvaluationResult:
    """Numbers by name, and texts or bytes by name that tell more."""

    metrics: dict[str, Any]
    artifacts: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def from_dict(cls, metrics: Mapping[str, Any]) -> "EvaluationResult":
        """A result without artifacts."""
        return cls(dict(metrics))

    def to_dict(self) -> dict[str, Any]:
        """The metrics alone."""
        return self.metrics

    def has_artifacts(self) -> bool:
        """Whether there are any."""
        return len(self.artifacts) > 0

    def get_artifact_keys(self) -> list[str]:
        """Their names."""
        return [*self.artifacts]

    def get_artifact_size(self, key: str) -> int:
        """Bytes of one, 0 where there is none of this name."""
        value = self.artifacts.get(key, b"")
        return len(value if isinstance(value, bytes) else str(value).encode())

    def get_total_artifact_size(self) -> int:
        """Bytes of all."""
        return sum(map(self.get_artifact_size, self.artifacts))
