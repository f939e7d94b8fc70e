"""No token, and nobody without one, asks more of a serving process than its share.

Each process counts for itself, in memory: of N processes behind one address a token may ask N times as much.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problem_details import answer

BURST_S = 10.0
"""Whoever asked nothing for a while may ask so many seconds' worth at once."""
STRANGERS = 10
"""Without a valid token an address has this part of what a token has: enough to sign in, too little to guess tokens."""
DEBT_S = 60.0
"""What came at once beyond the limit is made up for by waiting, but never for longer."""
MOST_KEPT = 10_000
"""Tokens, and addresses, that are remembered: the ones that asked last."""
COOKIE = "galapagos_session"
"""What holds the token of a browser."""
SIGNED = "signed"
"""Key of a request's state: its token is a valid one."""


@dataclass(slots=True)
class _Bucket:
    """Requests that may come at the time `at`; below zero: so many came that should not have."""

    left: float
    at: float


class Buckets:
    """Token buckets by key, each filled by `per_s` requests a second up to `burst`; a new one is full."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst = max(1.0, per_s * BURST_S)
        self._per_s = per_s
        self._clock = clock
        self._kept: OrderedDict[bytes, _Bucket] = OrderedDict()

    def __contains__(self, key: bytes) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def left(self, key: bytes) -> float:
        """Requests that may come now."""
        bucket = self._kept.get(key)
        return self.burst if bucket is None else min(self.burst, bucket.left + (self._clock() - bucket.at) * self._per_s)

    def take(self, key: bytes) -> None:
        """Count one request, whether it may come or not."""
        left = max(self.left(key) - 1.0, -DEBT_S * self._per_s)
        self._kept[key] = _Bucket(left, self._clock())
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def forget(self, key: bytes) -> None:
        """Know nothing of it any more."""
        self._kept.pop(key, None)

    def wait_s(self, key: bytes) -> float:
        """Seconds until a request may come; 0 for now."""
        return max(0.0, (1.0 - self.left(key)) / self._per_s)

    def headers(self, key: bytes) -> dict[str, str]:
        """What a client is told of its limit: requests at once, how many are left, and seconds until all are again."""
        left = max(0.0, self.left(key))
        full_s = math.ceil((self.burst - left) / self._per_s)
        told = {"Limit": int(self.burst), "Remaining": int(left), "Reset": full_s}
        return {f"RateLimit-{name}": str(value) for name, value in told.items()}


class RateLimit:
    """Refuses requests to addresses below `within` once a token, or an address without a valid one, asks too often.

    Whether a token is valid shows when its first request is answered. So a request with an unknown token passes as long as
    its address has something left, and is charged to the token if that turns out to be valid, else to the address.
    """

    def __init__(self, app: ASGIApp, per_minute: int, within: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._within = within
        self._tokens = Buckets(per_minute / 60, clock)
        self._strangers = Buckets(per_minute / 60 / STRANGERS, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(self._within):
            await self._app(scope, receive, send)
            return
        token, stranger = sha256(_token(Headers(scope=scope)).encode()).digest(), _address(scope)
        known = token in self._tokens
        buckets, key = (self._tokens, token) if known else (self._strangers, stranger)
        if wait_s := buckets.wait_s(key):
            await self._refused(buckets, key, wait_s)(scope, receive, send)
            return
        state: dict[str, object] = scope.setdefault("state", {})
        if known:
            self._tokens.take(token)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                charged = buckets, key
                if known and message["status"] == 401:
                    self._tokens.forget(token)
                elif not known:
                    charged = (self._tokens, token) if SIGNED in state else (self._strangers, stranger)
                    charged[0].take(charged[1])
                MutableHeaders(scope=message).update(charged[0].headers(charged[1]))
            await send(message)

        await self._app(scope, receive, counted)

    def _refused(self, buckets: Buckets, key: bytes, wait_s: float) -> ASGIApp:
        whose = "this token" if buckets is self._tokens else "this address without a valid token"
        said = f"expected fewer requests of {whose}; more are taken in {wait_s:.1f} s; wait so long, and ask less often"
        return answer(429, said, headers={"Retry-After": str(math.ceil(wait_s)), **buckets.headers(key)})


def _token(asked: Headers) -> str:
    """What a request says of who sends it; a browser's cookie counts as the token in it does."""
    told = asked.get("authorization", "")
    if told == "" and (cookie := cookie_parser(asked.get("cookie", "")).get(COOKIE)):
        return f"Bearer {cookie}"
    return told


def _address(scope: Scope) -> bytes:
    """Who is at the other end: an address, or of IPv6 the network of one customer."""
    host: str = (scope.get("client") or ("", 0))[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host.encode()
    return found.packed[:8] if found.version == 6 else found.packed
