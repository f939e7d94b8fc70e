"""Named random streams: the same seed, name and number give the same draws, whatever else was drawn before."""

import hashlib

import numpy as np
from numpy.random import Generator, Philox


def stream(seed: int, name: str, number: int) -> Generator:
    """The generator of one choice of one run.

    `seed` is the run's, `name` the choice's ("parent", "tie", ...), `number` the proposal that it is made for. Streams
    share nothing, so a choice that is added later shifts none that exists. Philox is counter-based: keyed by a hash
    it needs no warm-up, which makes a fresh generator per choice cheap.
    """
    digest = hashlib.blake2b(f"{seed}|{name}|{number}".encode(), digest_size=16).digest()
    return Generator(Philox(key=np.frombuffer(digest, dtype="<u8")))
