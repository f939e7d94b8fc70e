"""The service as an ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, FastAPI

from database.engine import Database
from database.models_file import load_models
from database.operation import operated
from database.settings import SettingsError
from evolution.process import Kind
from server.alerts import Alerts
from server.bell import Bell
from server.body_limit import BodyLimit
from server.dashboard_files import DashboardFiles
from server.description import describe, operation_id
from server.errors import handle_errors
from server.event_feed import EventFeed
from server.known_parameters import only_known_parameters
from server.metrics import Measured
from server.oidc.configuration import load_configuration
from server.rate_limit import RateLimit
from server.recent import Recent
from server.routes import (
    events,
    exports,
    fleet,
    health,
    models,
    oidc,
    people,
    problems,
    programs,
    projects,
    results,
    runs,
    session,
    spending,
    steering,
    webhooks,
    work,
)
from server.service import Service
from server.settings import ServerSettings
from server.tallies import Tallies

if TYPE_CHECKING:
    from server.oidc.provider import Provider

API = "/api/v1"
CONNECTIONS = 10
"""Connections to the database that one serving process has at most."""


def create_app(settings: ServerSettings | None = None) -> FastAPI:
    """The service, told by `settings` or by the environment; it is connected while the application runs.

    Raises:
        SettingsError: the environment does not say what the service needs to know.
        ModelsError: the file of models cannot be used.
        WrongDatabaseUrl: the address of the database is not usable.
    """
    chosen = settings or ServerSettings.from_environment()
    app = FastAPI(
        title="Galapagos",
        version=version("galapagos"),
        lifespan=_connected,
        openapi_url=f"{API}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        dependencies=[Depends(only_known_parameters)],
        redirect_slashes=False,
    )
    app.state.service = new_service(chosen)
    app.openapi = partial(describe, app)
    handle_errors(app)
    app.add_middleware(BodyLimit, largest=chosen.body_mib << 20, uploads=(f"{API}/problems",))
    if chosen.requests_per_minute:
        app.add_middleware(RateLimit, per_minute=chosen.requests_per_minute, within=f"{API}/")
    app.add_middleware(Measured)
    app.add_middleware(DashboardFiles)
    app.include_router(health.router)
    app.include_router(_api())
    return app


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncGenerator[None]:
    service: Service = app.state.service
    alerts = Alerts(service.database, private=service.settings.webhook_private)
    async with (
        service.database,
        operated(service.database, service.settings, Kind.SERVER),
        service.events.running(),
        service.bell.running(),
        alerts.running(),
    ):
        yield


def new_service(settings: ServerSettings) -> Service:
    """What the requests of one serving process have at hand; it is connected while the application runs.

    Raises:
        SettingsError, ModelsError, WrongDatabaseUrl: as of `create_app`.
    """
    database = Database(settings.database_url, pool_size=CONNECTIONS)
    recent = Recent(database)
    return Service(
        settings=settings,
        database=database,
        events=EventFeed(database, recent),
        bell=Bell(database),
        recent=recent,
        tallies=Tallies(database),
        models={} if settings.models is None else load_models(settings.models),
        provider=_provider(settings),
    )


def _provider(settings: ServerSettings) -> "Provider | None":
    if settings.oidc is None:
        return None
    try:
        from server.oidc.provider import Provider
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"GALAPAGOS_OIDC is set, which needs a package that is not installed ({error.name}); install galapagos[oidc]"
        ) from None
    return Provider(load_configuration(settings.oidc))


def _api() -> APIRouter:
    api = APIRouter(prefix=API)
    for routes in (
        session,
        oidc,
        people,
        projects,
        webhooks,
        fleet,
        problems,
        models,
        runs,
        steering,
        programs,
        results,
        spending,
        exports,
        events,
        work,
    ):
        api.include_router(routes.router)
    return api
