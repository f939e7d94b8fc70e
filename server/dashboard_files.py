"""The dashboard's files, as `make dashboard` builds them, at every address that is not one of the API."""

import gzip
import hashlib
import logging
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

BUILT = Path(__file__).parent / "dashboard" / "dist"
INDEX = "/index.html"
_OF_THE_SERVICE = ("/api", "/healthz", "/readyz")
_HASHED = "/assets/"
_FOREVER = "public, max-age=31536000, immutable"
_LEAST_PACKED = 512
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
"""Not left to the machine's own list, which browsers may not agree with."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_PAGE_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "vary": "accept-encoding",
}
_NOT_BUILT = b"""<!doctype html>
<html lang="en"><title>Galapagos</title>
<h1>Galapagos</h1>
<p>The service is here, and its dashboard is not built. To build it, in the checkout of Galapagos:</p>
<pre>make dashboard</pre>
<p>Then start the service again. Its API works without the dashboard: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>
describes it.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is sent: its content, the same packed where that is shorter, and the headers of either."""

    content: bytes
    packed: bytes | None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def answer(self, asked: Headers) -> Response:
        """The response to a request."""
        if self.headers["etag"] in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=self.headers)
        if self.packed is None or "gzip" not in asked.get("accept-encoding", ""):
            return Response(self.content, headers=self.headers)
        return Response(self.packed, headers=self.headers | {"content-encoding": "gzip"})


class DashboardFiles:
    """Answers whoever wants a page with the dashboard of `folder`, and lets everything else through.

    Addresses of views are known to the dashboard alone: each gets its index. The files are read once, when the service
    starts. Every answer of the service is marked as what it says it is.
    """

    def __init__(self, app: ASGIApp, folder: Path = BUILT) -> None:
        self._app = app
        self._files = _read(folder)
        if not self._files:
            log.warning("the dashboard is not built: expected %s; run `make dashboard` and start the service again", folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-content-type-options"] = "nosniff"
            await send(message)

        await (self._page(scope) or self._app)(scope, receive, marked)

    def _page(self, scope: Scope) -> Response | None:
        if scope["method"] not in {"GET", "HEAD"}:
            return None
        path, asked = str(scope["path"]), Headers(scope=scope)
        found = self._files.get(path)
        if found is None and _wants_page(path, asked):
            if not self._files:
                return Response(_NOT_BUILT, 503, _PAGE_HEADERS | {"cache-control": "no-store"}, "text/html")
            found = self._files[INDEX]
        return None if found is None else found.answer(asked)


def _wants_page(path: str, asked: Headers) -> bool:
    below = any(path == one or path.startswith(f"{one}/") for one in _OF_THE_SERVICE)
    return path == "/" or (not (below or path.startswith(_HASHED)) and "text/html" in asked.get("accept", ""))


def _read(folder: Path) -> dict[str, _File]:
    """The files below a folder by their addresses; none if the dashboard is not built there."""
    if not (folder / INDEX[1:]).is_file():
        return {}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"/{path.relative_to(folder).as_posix()}": _file(path) for path in paths}


def _file(path: Path) -> _File:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0) if len(content) >= _LEAST_PACKED else content
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = _PAGE_HEADERS | {
        "content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "cache-control": _FOREVER if path.parent.name == _HASHED.strip("/") else "no-cache",
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    }
    return _File(content, packed if len(packed) < len(content) else None, headers)
