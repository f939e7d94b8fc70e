"""Scores decoding of base64 by its processor time beside the plain one of the seed."""

from base64 import b64encode

import numpy as np
from galapagos_kernels.exactness import require_equal
from galapagos_kernels.judging import Judge, Shapes
from galapagos_kernels.roofline import Work
from galapagos_timing import Output

_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_PADDING = ord("=")
_LONG = 96
"""Bytes of texts in which a program with vectors uses them."""


class Decoding:
    """Bytes of base64, and where it is wrong first; a shape is (bytes,)."""

    function = "decode"
    mixes = ("valid", "one wrong", "two wrong", "padding within", "wrong padding", "same", "anything")

    def arguments(self, rng, shape, mix):
        size = shape[0]
        given = bytes(size) if mix == "same" else rng.bytes(size)
        text = np.frombuffer(b64encode(given), np.uint8).copy()
        letters = _letters(size)
        if mix == "padding within":
            text[rng.integers(0, letters)] = _PADDING
        elif mix == "wrong padding":
            padded = letters < len(text)
            text[rng.integers(letters, len(text)) if padded else -1] = rng.choice([*_WRONG, *_LETTERS]) if padded else 0
        elif mix == "anything":
            begin = rng.integers(0, letters)
            text[begin:] = np.frombuffer(rng.bytes(len(text) - begin), np.uint8)
            text[begin] = _wrong(rng, size)
        elif mix.endswith("wrong"):
            text[rng.integers(0, letters, 1 if mix == "one wrong" else 2)] = _wrong(rng, size)
        return [text, Output(size, np.uint8), Output(1, np.int64)]

    def check(self, inputs, outputs):
        text, (decoded, wrong) = inputs[0], outputs
        letters = _letters(len(decoded))
        six = _MEANINGS[text]
        bad = six > 63
        bad[letters:] = text[letters:] != _PADDING
        first = int(bad.argmax()) if bad.any() else -1
        require_equal(wrong, np.array([first]), "the place of the first wrong character, or -1")
        if first < 0:
            six[letters:] = 0
            a, b, c, d = six.reshape(-1, 4).T
            exact = np.stack([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d], axis=1).reshape(-1)[: len(decoded)]
            require_equal(decoded, exact, "bytes")

    def work(self, shape):
        return Work(shape[0] + -(-shape[0] // 3) * 4)


def _letters(size):
    """How many characters of the text stand for bytes."""
    return (4 * size + 2) // 3


def _wrong(rng, size):
    """A character that is none of base64; in long texts all of them in turns, so that each evaluation meets all of them."""
    return next(_in_turns) if size >= _LONG else rng.choice(_WRONG)


def _turns():
    rng = np.random.default_rng()
    while True:
        yield from rng.permutation(_WRONG)


def _meanings():
    table = np.full(256, 255, np.uint8)
    table[_LETTERS] = np.arange(64)
    return table


_MEANINGS = _meanings()
_WRONG = np.setdiff1d(np.arange(256), [*_LETTERS, _PADDING])
_in_turns = _turns()
_judge = Judge(
    Decoding(),
    Shapes(
        timed=[[(47_000, 49_000)], [(15_500, 16_500)]],
        # Three mixes have wrong characters, of which there are 191: so many long texts meet all of them.
        checked=[(size,) for size in (1, 2, 3, 4, 5, 6, 7, 16, 31, 32, 33, 47, 48, 49, *range(_LONG, 160), 257, 1009)],
        unseen=[[(9_000, 10_000)], [(120_000, 125_000)]],
        large=(9_000_001,),
        drawn=[(4_000,), (16_001,), (48_000,), (120_000,)],
    ),
)
evaluate, unseen, picture = _judge.evaluate, _judge.unseen, _judge.picture
