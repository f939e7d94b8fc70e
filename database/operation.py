"""What makes a process one that can be operated: signs of health in a file, metrics for Prometheus, a quick end."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from prometheus_client import start_http_server

from database.engine import Database
from database.fleet import Tells
from database.pulse import nothing, pulse
from database.settings import OperatedSettings, ProcessSettings, SettingsError
from evolution.process import Kind


@contextmanager
def metrics(settings: OperatedSettings) -> Generator[None]:
    """Serve the metrics of this process over HTTP within the block, from a thread; nothing where no port is set.

    Raises:
        SettingsError: the address cannot be listened to.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError as error:
        raise SettingsError(
            f"cannot serve metrics at {settings.metrics_host}:{settings.metrics_port}: {error}; correct GALAPAGOS_METRICS_PORT "
            "or GALAPAGOS_METRICS_HOST"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@asynccontextmanager
async def operated(database: Database, settings: ProcessSettings, kind: Kind, tells: Tells = nothing) -> AsyncGenerator[None]:
    """Show within the block how the process does; `tells` says what its capacity is.

    Raises:
        SettingsError: the address for metrics cannot be listened to.
    """
    with metrics(settings):
        async with pulse(database, kind, settings.health_file, tells):
            yield
