"""Galapagos evolves programs. From Python: `galapagos.evolve(problem_or_function, judge, ...)`, and `galapagos.Client`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from galapagos.from_python import EvolveError, EvolveResult, evolve
    from galapagos.remote.blocking import Client
    from galapagos.remote.client import AsyncClient
    from galapagos.remote.failures import ServiceError, ServiceUnavailable

__all__ = ["AsyncClient", "Client", "EvolveError", "EvolveResult", "ServiceError", "ServiceUnavailable", "evolve"]
_PLACES = {
    "AsyncClient": "remote.client",
    "Client": "remote.blocking",
    "EvolveError": "from_python",
    "EvolveResult": "from_python",
    "ServiceError": "remote.failures",
    "ServiceUnavailable": "remote.failures",
    "evolve": "from_python",
}


def __getattr__(name: str) -> Any:
    # Every process and every command imports this package: none of them should pay for what only some use.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"galapagos.{_PLACES[name]}"), name)
