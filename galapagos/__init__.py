"""Galapagos evolves programs. From Python: `galapagos.evolve(problem_or_function, judge, ...)`, and `galapagos.Client`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from galapagos.from_python import EvolveError, EvolveResult, evolve

if TYPE_CHECKING:
    from galapagos.remote.blocking import Client
    from galapagos.remote.client import AsyncClient
    from galapagos.remote.failures import ServiceError, ServiceUnavailable

__all__ = ["AsyncClient", "Client", "EvolveError", "EvolveResult", "ServiceError", "ServiceUnavailable", "evolve"]
_REMOTE = {"AsyncClient": "client", "Client": "blocking", "ServiceError": "failures", "ServiceUnavailable": "failures"}


def __getattr__(name: str) -> Any:
    # What speaks to a service takes memory that every process on this machine would pay for.
    if name not in _REMOTE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"galapagos.remote.{_REMOTE[name]}"), name)
