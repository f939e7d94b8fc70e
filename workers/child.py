"""What a proposer brings: the files of a child, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass

from evolution.proposal import Refusal


@dataclass(frozen=True, slots=True)
class Child:
    """A child's evolvable files, path to text: changed against its parent, and within EVOLVE-BLOCKs only."""

    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A proposal without a child; `detail` says why in words that a language model or a person can use."""

    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A proposal that people were asked to answer: it comes back to its queue with what they say."""
