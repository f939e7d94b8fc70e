"""From what was sent to a problem that can be stored."""

import asyncio
from dataclasses import dataclass

from pydantic import ValidationError

from evolution.examination import examine
from evolution.folder import problem_of
from evolution.language import LANGUAGES
from evolution.normalise import Normalised
from evolution.peers.translation import Imported
from evolution.problem import Problem
from evolution.vocabulary import vocabulary_warnings
from server.archives import TooMuch, checked_files, unpack_tar, unpack_zip
from server.errors import field_error
from server.problem_details import Refusal
from server.schemas.problems import ProblemUpload

ARCHIVES = {
    "application/gzip": unpack_tar,
    "application/x-gzip": unpack_tar,
    "application/x-tar": unpack_tar,
    "application/zip": unpack_zip,
    "application/x-zip-compressed": unpack_zip,
}
JSON = "application/json"
_places = asyncio.Semaphore(2)
"""So many uploads are unpacked at a time, each of which takes some hundred MiB at worst; others wait."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A problem that was sent, and what is known of it before any of its code runs."""

    problem: Problem
    imported: Imported | None
    seed: Normalised
    warnings: tuple[str, ...]


async def read_upload(media_type: str, name: str, body: bytes) -> Upload:
    """Unpack and examine; `name` is that of the folder, of which another system's problem gets its own.

    Raises:
        Refusal: another media type, too much, or a body that is none.
        ProblemError: not a usable problem.
    """
    async with _places:
        try:
            return await asyncio.to_thread(_read, media_type.partition(";")[0].strip().lower(), name, body)
        except TooMuch as error:
            raise Refusal(413, str(error)) from error


def _read(media_type: str, name: str, body: bytes) -> Upload:
    if media_type in ARCHIVES:
        files = ARCHIVES[media_type](body)
    elif media_type == JSON:
        files = _json_files(body)
    else:
        known = ", ".join([JSON, *sorted(ARCHIVES)])
        raise Refusal(415, f"expected a body of type {known}; got {(media_type or 'none')[:100]!r}; name the right one")
    found = problem_of(name, files)
    imported = found if isinstance(found, Imported) else None
    problem = found.problem if isinstance(found, Imported) else found
    seed = examine(problem)
    return Upload(problem, imported, seed, (*vocabulary_warnings(problem), *_language_warnings(problem)))


def _json_files(body: bytes) -> dict[str, bytes]:
    try:
        sent = ProblemUpload.model_validate_json(body)
    except ValidationError as error:
        found = [field_error(item | {"loc": ("body", *item["loc"])}) for item in error.errors(include_url=False)]
        raise Refusal(422, "; ".join(f"{item.field}: {item.message}" for item in found)[:2000], found) from error
    return checked_files({path: content.content for path, content in sent.files.items()})


def _language_warnings(problem: Problem) -> list[str]:
    traits = LANGUAGES[problem.definition.language]
    if traits.mutates:
        return []
    return [f"programs in {traits.title} are changed by language models alone: name at least one in each run"]
