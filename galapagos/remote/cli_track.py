"""`galapagos remote track`."""

from typing import TYPE_CHECKING, Annotated

import typer

from galapagos import options
from galapagos.remote.answers import print_json, say, with_client
from galapagos.remote.cli import RemoteRun
from galapagos.remote.extras import TrackerName

if TYPE_CHECKING:
    from galapagos.remote.client import AsyncClient


def track(
    number: RemoteRun,
    to: Annotated[TrackerName, typer.Option("--to", help="The tracker.")],
    experiment: Annotated[str, typer.Option("--experiment", help="Its experiment (MLflow) or project (W&B).")] = "galapagos",
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until the run has ended.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Tell a tracker of experiments of a run: its settings, curve, spending and best program."""
    from galapagos.remote import tracking

    async def work(client: "AsyncClient") -> str:
        return await tracking.track(client, number, to, experiment, follow=follow)

    place = with_client(work)
    if as_json:
        print_json({"run": number, "tracker": to.value, "place": place})
    else:
        say(f"run {number} is {place}")
