"""Problems: sent whole, kept under the hash of their content, never changed."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from database import audit, problem_lists, problems, projects
from database.people import Caller
from database.problem_lists import KnownProblem, StoredProblem
from evolution.people import Action
from evolution.problem import Definition
from server.auth import Signed, readable, require
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import problems as failures
from server.schemas.base import LARGEST_ID, Id
from server.schemas.problems import (
    ProblemDetail,
    ProblemFile,
    ProblemLine,
    TranslatedSetting,
    Translation,
    UploadedProblem,
)
from server.service import Served
from server.uploads import ARCHIVES, JSON, Upload, read_upload

router = APIRouter(prefix="/problems", tags=["problems"], responses=failures(401))

Revision = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the content, in hexadecimal")]
InProject = Annotated[int, Query(ge=1, le=LARGEST_ID, description="id of the project; `default` has 1")]
NamePattern = r"^[A-Za-z0-9_.-]+$"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "the folder as an archive, or its files in JSON",
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/ProblemUpload"}},
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(ARCHIVES)},
        },
    }
}


@router.post(
    "",
    status_code=201,
    summary="Upload a problem",
    responses=failures(403, 404, 415) | {200: {"model": UploadedProblem, "description": "the project knew it already"}},
    openapi_extra=BODY,
)
async def upload_problem(
    request: Request,
    response: Response,
    service: Served,
    caller: Signed,
    project: InProject = 1,
    name: Annotated[
        str, Query(min_length=1, max_length=64, pattern=NamePattern, description="of the folder, for folders of other systems")
    ] = "problem",
) -> UploadedProblem:
    """Store a problem's folder: an archive (tar, tar.gz, zip) or its files in JSON; folders of other systems are translated.

    What can be seen without running code is checked here; the seed is evaluated by each run. The same content is the same
    revision, however often it is sent.
    """
    require(caller, Action.SUBMIT, project)
    upload = await read_upload(request.headers.get("content-type", ""), name, await request.body())
    revision = upload.problem.revision
    async with service.database.begin() as connection:
        await projects.load(connection, project)
        await problems.store(connection, upload.problem)
        new = await problems.add(connection, project, revision)
        if new:
            told = {"project": project, "name": upload.problem.definition.name}
            await audit.note(connection, caller, "add_problem", f"problem {revision}", told)
    response.status_code = 201 if new else 200
    return _uploaded(upload, project, new)


@router.get("", summary="List problems")
async def list_problems(
    service: Served,
    caller: Signed,
    project: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="only what this project knows")] = None,
    name: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="only revisions of this name")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ProblemLine]:
    """The revisions that your projects know, newest first; a revision that two of them know is there twice."""
    before = place_of(cursor, tuple[datetime, Id, str])
    if project is not None:
        require(caller, Action.READ, project)
    among = readable(caller) if project is None else [project]
    async with service.database.begin() as connection:
        found = await problem_lists.listing(connection, among, name, before, limit + 1)
    items, following = paged(found, limit, _place)
    lines = [ProblemLine.model_validate(item, from_attributes=True) for item in items]
    return Page(items=lines, next=following)


@router.get("/{revision}", summary="Read a problem", responses=failures(404))
async def read_problem(service: Served, caller: Signed, revision: Revision) -> ProblemDetail:
    """One revision: its definition, and the names and lengths of its files."""
    stored, inspects = await _visible(service, caller, revision)
    definition = Definition.model_validate(stored.definition)
    if not inspects:
        shown = tuple(stage for stage in definition.stages if not stage.hidden)
        definition = definition.model_copy(update={"stages": shown})
    return ProblemDetail(
        revision=revision,
        projects=[project for project in stored.projects if caller.may(Action.READ, project)],
        created_at=stored.created_at,
        definition=definition,
        files=[ProblemFile(path=path, bytes=length) for path, length in stored.files],
    )


@router.get(
    "/{revision}/files/{path:path}",
    summary="Read a file of a problem",
    response_class=Response,
    responses=failures(403, 404)
    | {
        200: {
            "description": "the content of the file, as it was sent",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def read_problem_file(
    service: Served, caller: Signed, revision: Revision, path: Annotated[str, Path(max_length=1000)]
) -> Response:
    """The seed for everybody who may read; judge and data for those who may inspect."""
    stored, inspects = await _visible(service, caller, revision)
    if not inspects and path not in stored.definition["seed"]:
        for project in stored.projects:
            if caller.may(Action.READ, project):
                require(caller, Action.INSPECT, project)
    async with service.database.begin() as connection:
        content = await problem_lists.file(connection, revision, path)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _visible(service: Served, caller: Caller, revision: str) -> tuple[StoredProblem, bool]:
    """The problem, if a project of the caller's knows it, and whether the caller may inspect it."""
    async with service.database.begin() as connection:
        stored = await problem_lists.about(connection, revision)
    if not caller.is_admin and not any(caller.may(Action.READ, project) for project in stored.projects):
        raise problem_lists.no_problem(revision)
    return stored, caller.is_admin or any(caller.may(Action.INSPECT, project) for project in stored.projects)


def _place(item: KnownProblem) -> tuple[datetime, int, str]:
    return item.created_at, item.project, item.revision


def _uploaded(upload: Upload, project: int, new: bool) -> UploadedProblem:
    definition = upload.problem.definition
    return UploadedProblem(
        revision=upload.problem.revision,
        project=project,
        name=definition.name,
        title=definition.title,
        new=new,
        score_isolated=definition.score_isolated,
        files=len(upload.problem.files),
        length=upload.seed.length,
        literals=upload.seed.literals,
        warnings=list(upload.warnings),
        translation=_translation(upload),
    )


def _translation(upload: Upload) -> Translation | None:
    folder = upload.imported
    if folder is None:
        return None
    return Translation(
        format=folder.peer,
        evaluator=folder.evaluator,
        program=folder.program,
        settings=folder.settings,
        findings=[
            TranslatedSetting(key=found.key, treatment=found.treatment.value, becomes=found.becomes)
            for found in folder.findings
        ],
        notes=list(folder.notes),
        wished_evaluations=folder.wishes.evaluations,
        wished_seed=folder.wishes.seed,
        wished_islands=folder.wishes.islands,
        wished_inspirations=folder.wishes.inspirations,
        wished_models=[wished.model.name for wished in folder.models],
    )
