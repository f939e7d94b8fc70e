"""What evaluators and the slots service say to one another: JSON objects, one a line, over a unix socket.

The service greets with `Hello`. A connection is one slot: it orders `Create` once (a second time anew) and `Recycle`
as often as it likes, gets one `Done` or `Failed` for each, and hears of a container that ended by itself through
`Exited`. When it closes, the slot's containers go.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

SERVICE = "service"
"""Name of the service's socket in the folder that it shares with the evaluators."""
CONTROL = "control"
"""Name of a box's socket in its own folder."""
MAKING = "new"
"""Its name until it is open to whom it is for."""
LONGEST_LINE = 1 << 16

Role = Literal["candidate", "judge", "reference"]
ROLES: tuple[Role, ...] = ("candidate", "judge")
"""Those that a slot always has; one for references is made when it is first recycled."""
_Name = Annotated[str, msgspec.Meta(pattern=r"^slot-[a-z0-9_]{8}\Z")]
_Gpu = Annotated[str, msgspec.Meta(pattern=r"^GPU(-[0-9a-f]{4,12}){5}\Z")]
_Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]


class Create(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="create", tag_field="verb"):
    """Make both containers of a slot, after those that it has.

    `slot` names a folder below the shared one, with a folder for each role; the bounds are those of the problem; the
    environments are keys of folders below the service's cache; `gpu` is the device that the candidate's container has, and with
    `judge_gpu` the judge's.
    """

    slot: _Name
    memory_mib: Annotated[int, msgspec.Meta(ge=64, le=1 << 20)]
    files_mib: Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
    processes: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    candidate_environment: _Key | None = None
    judge_environment: _Key | None = None
    gpu: _Gpu | None = None
    judge_gpu: bool = False


class Recycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="recycle", tag_field="verb"):
    """Kill the container of a role, if there is one, and start it as new."""

    role: Role


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="verb"):
    """The greeting: the image's id with what it holds, or in `fault` why no slot can be made."""

    image: str = ""
    facts: dict[str, Any] = {}
    fault: str = ""


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="verb"):
    """The order was carried out: the containers run."""


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="verb"):
    """The order was not carried out, and why."""

    text: str


class Exited(msgspec.Struct, frozen=True, tag="exited", tag_field="verb"):
    """A container ended by itself, and how."""

    role: Role
    text: str


Order = Create | Recycle
Word = Hello | Done | Failed | Exited
ORDERS: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
WORDS: msgspec.json.Decoder[Word] = msgspec.json.Decoder(Word)


def socket_in(folder: Path) -> Path:
    """Where the service listens.

    Raises:
        ValueError: the path is too long for a socket.
    """
    return short_enough(folder / SERVICE)


def short_enough(path: Path) -> Path:
    """`path`, if a unix socket can lie there.

    Raises:
        ValueError: it is too long.
    """
    if len(str(path).encode()) > 107:
        raise ValueError(
            f"expected a path of at most 107 bytes for a socket; got {path}; choose a shorter GALAPAGOS_SLOT_FOLDER"
        )
    return path
