"""The verbs of people and agents who work for runs, as tools of the Model Context Protocol (the extra `mcp`)."""

from importlib.metadata import version
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from galapagos.remote.connection import Connection
from galapagos.remote.failures import ServiceError, ServiceUnavailable
from galapagos.settings import RemoteSettings

TIMEOUT_S = 60.0
"""More than the service waits for work."""
INSTRUCTIONS = """Runs of Galapagos evolve programs, and ask you for better ones. Lease an assignment, read its messages and its
parent, write a better program, and answer with the lease before it ends (extend it if you need longer, release it if you
will not answer). The next assignment tells, as `earlier`, what became of your answers."""

AssignmentNumber = Annotated[int, Field(description="`id` of the assignment")]
LeaseNumber = Annotated[int, Field(description="`lease` of the assignment")]
LeaseSeconds = Annotated[float, Field(description="seconds that the lease lasts from now on, 5 to 86400")]
Cursor = Annotated[str | None, Field(description="`next` of the page before")]
RunNumber = Annotated[int, Field(description="number of a run")]


async def serve_tools(settings: RemoteSettings, port: int | None) -> None:
    """Serve the tools until standard input ends, or, with a `port`, over HTTP at /mcp on this machine alone.

    Whoever reaches them works in the name of the token in `settings`: so nobody else is let in.
    """
    connection = Connection(settings.url, settings.token, TIMEOUT_S)
    try:
        server = WorkTools(connection).server()
        if port is None:
            await server.run_stdio_async()
        else:
            await server.run_streamable_http_async(host="127.0.0.1", port=port)
    finally:
        await connection.close()


class WorkTools:
    """Each method is a tool: it asks the service behind `connection`, and repeats its refusals."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def server(self) -> MCPServer:
        """The tools as a server, to be run over stdio or HTTP."""
        made = MCPServer("galapagos", version=version("galapagos"), instructions=INSTRUCTIONS, log_level="WARNING")
        for tool in (
            self.lease_work,
            self.extend_lease,
            self.answer_assignment,
            self.release_assignment,
            self.read_assignment,
            self.read_run,
            self.read_archive,
            self.read_program,
            self.read_notes,
            self.read_log,
        ):
            made.tool()(tool)
        return made

    async def lease_work(
        self,
        run: Annotated[int | None, Field(description="only what this run asks")] = None,
        model: Annotated[str | None, Field(description="only what is asked of people by this name")] = None,
        wait_s: Annotated[float, Field(description="seconds to wait where there is nothing, 0 to 30")] = 20.0,
        lease_s: LeaseSeconds = 900.0,
    ) -> dict[str, Any]:
        """Lease the oldest assignment that nobody has: its prompt, its parent, and what became of your earlier answers.

        `assignment` is null where there is none now: ask again.
        """
        body = {"run": run, "model": model, "wait_s": wait_s, "lease_s": lease_s}
        return {"assignment": await self._ask("POST", "/work/lease", body)}

    async def extend_lease(
        self, assignment: AssignmentNumber, lease: LeaseNumber, lease_s: LeaseSeconds = 900.0
    ) -> dict[str, Any]:
        """Keep an assignment for longer."""
        return await self._ask("POST", f"/work/{assignment}/extend", {"lease": lease, "lease_s": lease_s})

    async def answer_assignment(
        self,
        assignment: AssignmentNumber,
        lease: LeaseNumber,
        text: Annotated[str, Field(description="the answer, in the form that the prompt or `answer_format` asks for")],
    ) -> dict[str, Any]:
        """Answer an assignment by edits or by a whole program."""
        return await self._ask("POST", f"/work/{assignment}/answer", {"lease": lease, "text": text})

    async def release_assignment(self, assignment: AssignmentNumber, lease: LeaseNumber) -> str:
        """Give an assignment back, so that others can have it."""
        await self._ask("POST", f"/work/{assignment}/release", {"lease": lease})
        return "released"

    async def read_assignment(self, assignment: AssignmentNumber) -> dict[str, Any]:
        """What became of an assignment: whether its answer could be used, and how the program did."""
        return await self._ask("GET", f"/work/{assignment}")

    async def read_run(self, run: RunNumber) -> dict[str, Any]:
        """How a run stands: its problem, its limits, its best."""
        return await self._ask("GET", f"/runs/{run}")

    async def read_archive(
        self,
        run: RunNumber,
        island: Annotated[int | None, Field(description="only of this island")] = None,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """The best programs of a run, one for each filled cell of its archive, with their scores."""
        return await self._ask("GET", f"/runs/{run}/archive", parameters={"island": island, "cursor": cursor})

    async def read_program(
        self, run: RunNumber, number: Annotated[int, Field(description="number of a program of the run; the seed has 0")]
    ) -> dict[str, Any]:
        """A program of a run: its source, its score, and what the judge said of it."""
        return await self._ask("GET", f"/runs/{run}/programs/{number}")

    async def read_notes(self, run: RunNumber, cursor: Cursor = None) -> dict[str, Any]:
        """What people told a run, oldest first: notes (`annotate`), ideas, programs pinned or banned, and the rest."""
        return await self._ask("GET", f"/runs/{run}/commands", parameters={"cursor": cursor})

    async def read_log(
        self,
        run: RunNumber,
        after: Annotated[int, Field(description="number of an event: those behind it are wanted")] = 0,
        limit: Annotated[int, Field(description="most events, 1 to 1000")] = 100,
    ) -> dict[str, Any]:
        """What happened in a run, oldest first; ask again with `next` as `after` for what follows."""
        return await self._ask("GET", f"/runs/{run}/events", parameters={"after": after, "limit": limit})

    async def _ask(self, method: str, path: str, body: Any = None, *, parameters: dict[str, Any] | None = None) -> Any:
        try:
            return await self._connection.ask(method, path, body=body, parameters=parameters)
        except (ServiceError, ServiceUnavailable) as error:
            raise ToolError(str(error)) from None
