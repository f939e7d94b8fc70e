"""What a judge's process may say to the launcher, read as strictly as if the judge were an enemy."""

import re
import struct
import unicodedata
from math import isfinite

import msgspec

from evaluators.sandbox import Cause, Judged

LENGTH = struct.Struct("<I")
_LARGEST_MESSAGE = 6 << 20
_LONGEST_TEXT = 4000
_LONGEST_FINGERPRINT = 128
_LARGEST_PICTURE = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,63}")
_FROM_JUDGE = frozenset(Cause) - {Cause.HOST_FAULT}


class NotAMessage(ValueError):
    """The judge's process sent what it may not send."""


class Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="clock", tag_field="kind"):
    """A question for the candidate's processor time; `start` begins a measurement."""

    start: bool


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reference", tag_field="kind"):
    """Start the reference of this path in the problem's folder, the seed for an empty one; answered with its wire."""

    path: str


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="share", tag_field="kind"):
    """Make memory for inputs and outputs, in bytes; answered with three descriptors."""

    inputs: int
    outputs: int


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hold", tag_field="kind"):
    """Stop candidate and reference, or let both run."""

    on: bool


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="turn", tag_field="kind"):
    """Let one of the two run, or stop it; the stop is answered with its processor seconds."""

    reference: bool
    start: bool


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="late", tag_field="kind"):
    """The job's time ran out in a wait for the candidate, which was waited for `waited` seconds in all."""

    waited: float


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="done", tag_field="kind"):
    """The end of an evaluation."""

    cause: str
    message: str = ""
    score: float | None = None
    metrics: dict[str, float] = {}
    features: dict[str, float] = {}
    feedback: str = ""
    fingerprint: str = ""
    picture: str | None = None


Message = Clock | Reference | Share | Hold | Turn | Late | Done
_DECODER = msgspec.msgpack.Decoder(Message, strict=True)


class Reader:
    """Cuts a judge's stream into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete with `data`.

        Raises:
            NotAMessage: the stream is not what a judge's harness sends.
        """
        self._data += data
        messages: list[Message] = []
        while len(self._data) >= LENGTH.size:
            size = int(LENGTH.unpack_from(self._data)[0])
            if size > _LARGEST_MESSAGE:
                raise NotAMessage(f"expected a message of at most {_LARGEST_MESSAGE} bytes from the judge; got {size}")
            if len(self._data) < LENGTH.size + size:
                break
            body = bytes(self._data[LENGTH.size : LENGTH.size + size])
            del self._data[: LENGTH.size + size]
            try:
                messages.append(_DECODER.decode(body))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise NotAMessage(f"expected a message of the judge's harness; got {error}") from None
        return messages


def cause_of(done: Done) -> Cause:
    """The cause that the judge's process names.

    Raises:
        NotAMessage: it may not name this one.
    """
    try:
        cause = Cause(done.cause)
    except ValueError:
        raise NotAMessage(f"expected a known cause; got {done.cause[:64]!r}") from None
    if cause not in _FROM_JUDGE:
        raise NotAMessage(f"expected a cause that a judge can know; got {cause}")
    return cause


def value_of(done: Done) -> Judged:
    """The verdict's value.

    Raises:
        NotAMessage: a number is not finite, a name or a size is out of bounds.
    """
    if done.score is None or not isfinite(done.score):
        raise NotAMessage(f"score: expected a finite number; got {done.score}")
    for table in (done.metrics, done.features):
        if len(table) > 256:
            raise NotAMessage(f"expected at most 256 numbers; got {len(table)}")
        for name, number in table.items():
            if not _NAME.fullmatch(name) or not isfinite(number):
                raise NotAMessage(f"expected finite numbers with plain names; got {name[:64]!r}: {number}")
    if len(done.fingerprint) > _LONGEST_FINGERPRINT:
        raise NotAMessage(f"fingerprint: expected at most {_LONGEST_FINGERPRINT} characters; got {len(done.fingerprint)}")
    picture = None if done.picture is None else clean(done.picture, _LARGEST_PICTURE)
    feedback = clean(done.feedback, _LONGEST_TEXT)
    return Judged(done.score, done.metrics, done.features, feedback, picture, done.fingerprint)


def clean(text: str, longest: int = _LONGEST_TEXT) -> str:
    """`text` cut to size, without control characters (line ends and tabs stay), NUL, or what is no character at all."""
    if text.isascii() and text.isprintable():
        return text[:longest]
    return "".join(
        character
        for character in text[:longest]
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs", "Cf", "Co", "Cn"}
    )


def tail(data: bytes, longest: int = _LONGEST_TEXT) -> str:
    """The end of a log as clean text."""
    return clean(data.rstrip(b"\0")[-longest:].decode("utf-8", "replace"), longest)
