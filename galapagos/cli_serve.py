"""The command `serve`: the whole service on this machine, with all its processes."""

import asyncio
import json
import os
import socket
import sys

from database import people
from database.models_file import load_models
from evaluators.probe import require
from evolution.language import Language
from evolution.models import Model
from galapagos import options
from galapagos.cli_run import tier_of
from galapagos.failures import ExitCode, Failure
from galapagos.ground import Ground, own_ground
from galapagos.running import interruptions
from galapagos.settings import CommandSettings, command_settings, passed_settings
from galapagos.slots import own_slot_folder
from galapagos.supervisor import Plan, Supervisor
from server.settings import ServerSettings

FIRST = "admin"
READY_S = 60.0
LOOK_S = 0.2


def serve(
    data: options.DataOption = None,
    tier: options.TierOption = None,
    plain: options.PlainOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Serve problems and runs over HTTP until Ctrl-C, with everything that they need on this machine.

    The first time, an administrator is made, and a token for that person printed. Unfinished runs go on.
    """
    settings = command_settings(data)
    chosen = tier_of(tier, plain)
    require(chosen, Language.PYTHON)
    models = {} if settings.models is None else load_models(settings.models)
    keys = tuple(model.api_key_env for model in models.values() if isinstance(model, Model) and model.api_key_env)
    address = _free_address()
    with own_slot_folder(chosen) as slots:
        plan = Plan(chosen, models=settings.models, key_variables=keys, own_slots=slots, service=True)
        asyncio.run(_serve(settings, plan, address, as_json))


async def _serve(settings: CommandSettings, plan: Plan, address: tuple[str, int], as_json: bool) -> None:
    async with own_ground(settings) as ground:
        token = await _first_token(ground)
        if token is not None and not as_json:
            # At once: nobody can tell it again if the service then does not come up.
            _say(f"the first administrator is {FIRST!r}; the token is told only now:\n  export GALAPAGOS_TOKEN={token}")
        supervisor = Supervisor(ground, plan)
        with interruptions() as seen:
            async with supervisor.running():
                await _answering(supervisor, address)
                _tell(address, token, as_json)
                while not seen.count:
                    supervisor.check()
                    await asyncio.sleep(LOOK_S)


async def _first_token(ground: Ground) -> str | None:
    """The token of a new installation's administrator; None where somebody has a token already."""
    async with ground.database.begin() as connection:
        if await people.any_token(connection):
            return None
        return (await people.first_administrator(connection, FIRST)).text


def _free_address() -> tuple[str, int]:
    """Where the service will listen.

    Raises:
        Failure: that is no address of this machine, or somebody listens there already.
    """
    given = {name: field.default for name, field in ServerSettings.model_fields.items()} | passed_settings("server", os.environ)
    bind, port = str(given["bind"]), str(given["port"])
    try:
        socket.create_server((bind, int(port))).close()
    except (OSError, ValueError, OverflowError) as error:
        raise Failure(
            f"the service cannot listen at {bind}:{port}: {error}; set GALAPAGOS_BIND and GALAPAGOS_PORT to an address of this "
            "machine that is free",
            ExitCode.BAD_INPUT,
        ) from None
    return bind, int(port)


async def _answering(supervisor: Supervisor, address: tuple[str, int]) -> None:
    """Wait until the service accepts connections."""
    loop = asyncio.get_running_loop()
    until = loop.time() + READY_S
    while loop.time() < until:
        supervisor.check()
        try:
            _, writer = await asyncio.open_connection(*address)
        except OSError:
            await asyncio.sleep(LOOK_S)
        else:
            writer.close()
            return
    raise Failure(f"the service has not come up within {READY_S:.0f} s; logs/server.log says why", ExitCode.MACHINE)


def _tell(address: tuple[str, int], token: str | None, as_json: bool) -> None:
    url = f"http://{address[0]}:{address[1]}"
    if as_json:
        _say(json.dumps({"url": url, "token": token}))
        return
    _say(f"serving at {url}; Ctrl-C ends it, and runs go on the next time")
    # Behind the #: no browser sends that, and the page takes it out of the address at once.
    _say(f"the dashboard: {url}/" if token is None else f"the dashboard, which this link signs you in to: {url}/#token={token}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
