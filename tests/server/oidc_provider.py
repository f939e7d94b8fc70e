"""A small OpenID provider on the loopback interface: real HTTP, real keys, real signatures, and every way to get them wrong.

with serving_provider() as provider:
    ...  # provider.issuer; provider.account and provider.flaw say whom it vouches for, and what is wrong with how
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT = "galapagos"
SECRET = "a secret of the client, & some more"  # noqa: S105 - of a provider that lives as long as a test


@dataclass
class Provider:
    """What the provider knows. `flaw` changes the claims of ID tokens; a claim that is None is left out."""

    issuer: str = ""
    account: dict[str, Any] = field(
        default_factory=lambda: {"sub": "248289", "email": "bob@example.org", "email_verified": True, "groups": ["research"]}
    )
    flaw: dict[str, Any] = field(default_factory=dict[str, Any])
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    algorithm: str = "RS256"
    announced: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: list[str] = field(default_factory=list[str])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    signs: Any = None
    kid: str = "first"
    away: bool = False

    def new_key(self, kid: str, algorithm: str = "RS256", *, announce: bool = True) -> None:
        """Sign with a key of its own from now on."""
        self.kid, self.algorithm = kid, algorithm
        if algorithm.startswith("ES"):
            self.signs = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.signs.public_key(), as_dict=True)
        else:
            self.signs = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            public = RSAAlgorithm.to_jwk(self.signs.public_key(), as_dict=True)
        if announce:
            self.announced.append(public | {"kid": kid, "use": "sig"})

    def configuration(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in places.items()} | self.about

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes back to, once its user has signed in."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """An ID token for a code, once, to whoever knows the client's secret and the verifier of the challenge."""
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        if [unquote_plus(part) for part in pair] != [CLIENT, SECRET]:
            return 401, {"error": "invalid_client"}
        begun = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": begun["nonce"]}
        claims |= self.account | self.flaw
        return 200, {"id_token": self.signed({name: value for name, value in claims.items() if value is not None})}

    def signed(self, claims: dict[str, Any]) -> str:
        key = None if self.algorithm == "none" else SECRET if self.algorithm == "HS256" else self.signs
        return jwt.encode(claims, key, self.algorithm, {"kid": self.kid})


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
            elif parts.path == "/keys":
                self._answer(200, {"keys": provider.announced})
            else:
                self._answer(200, provider.configuration())

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, answer: dict[str, Any]) -> None:
            content = b"<html>maintenance</html>" if provider.away else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving_provider() -> Generator[Provider]:
    """A provider that listens within the block."""
    provider = Provider()
    provider.new_key("first")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
