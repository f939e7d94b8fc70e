"""Folders of other systems, read and judged as in a run."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from evaluators.cascade import Candidate, judge
from evaluators.sandbox import Packages, open_sandbox
from evolution.evaluation import Outcome, Purpose, Tier
from evolution.peers.recognition import import_files, recognise
from evolution.peers.translation import Imported
from galapagos.problem_folder import open_problem_folder

FOLDERS = Path(__file__).parent / "folders"


def opened(name: str) -> Imported:
    found = open_problem_folder(FOLDERS / name)
    assert isinstance(found, Imported)
    return found


def imported(files: Mapping[str, str]) -> Imported:
    content = {path: text.encode() for path, text in files.items()}
    peer = recognise(content)
    assert peer is not None
    return import_files(peer, "folder", content)


def judged(
    folder: Imported, *programs: str | None, tier: Tier = Tier.NAMESPACES, slot_folder: Path | None = None
) -> list[Outcome]:
    """How the seed (None) and other texts of the program are judged, one after the other in one slot."""

    async def work() -> list[Outcome]:
        problem = folder.problem
        (path,) = problem.definition.seed
        sandbox = open_sandbox(tier, problem, Packages(), slot_folder)
        await sandbox.start()
        try:
            outcomes: list[Outcome] = []
            for program in programs or (None,):
                files = problem.seed_files if program is None else {path: program}
                outcomes.append((await judge(sandbox, problem, Candidate(files, Purpose.SEARCH, bytes(32)))).outcome)
            return outcomes
        finally:
            await sandbox.close()

    return asyncio.run(work())
