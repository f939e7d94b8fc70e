"""What the service counts for Prometheus; docs/operations.md says what each means."""

import time
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter("galapagos_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_S = Histogram(
    "galapagos_request_seconds",
    "Time from a request to the head of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
REQUESTS_OPEN = Gauge("galapagos_requests_open", "Requests under way, open event streams included.")

DELIVERIES = Counter("galapagos_deliveries", "Attempts to deliver alerts to webhooks.", ["outcome"])


class Measured:
    """Counts requests by the pattern of their address, so that no client can make a series for each address it invents."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method, route = _method(scope), _route(scope)
                REQUESTS.labels(method, route, str(message["status"])).inc()
                REQUEST_S.labels(method, route).observe(time.monotonic() - started)
            await send(message)

        with REQUESTS_OPEN.track_inprogress():
            await self._app(scope, receive, noted)


def _route(scope: Scope) -> str:
    route: Any = scope.get("route")
    return "none" if route is None else str(route.path)


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
