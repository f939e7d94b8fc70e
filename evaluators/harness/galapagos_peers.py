"""Runs the evaluators of other systems, which import the candidate, in the candidate's box and beside it.

`evaluate(request)` lays out the folder in the scratch space, writes the candidate's file, runs the evaluator as its
own system would, and returns a record of plain data:

    end            done, evaluator (it cannot be used), or a cause that `galapagos_judge.CandidateError` knows
    text           what happened, where it is not done
    correct        the evaluator's own word
    metrics        name to number, text, bool or None: may be shown to a model
    private        the same: must not be shown to a model
    artifacts      name to text
    feedback       text
    stages         how many stages of a cascade were run

Nothing here holds off a candidate that wants to forge its score: it shares the process with its evaluator.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from galapagos_apart import Ended, Say, run_apart
from galapagos_peer_runs import openevolve, script

Record = dict[str, Any]
_LONGEST_TEXT = 4000
_LARGEST_RESULT = 4 << 20
_COPIED_FILE = 256 << 10
_COPIED_IN_ALL = 2 << 20
_SHIMS = str(Path(__file__).parent / "shims")


def load_peer(files: Mapping[str, str]) -> Callable[[str, Sequence[Any]], Callable[[], object]]:
    """Makes the one call ready that the judge of a peer's folder may make: `evaluate(request)`."""

    def bind(function: str, arguments: Sequence[Any]) -> Callable[[], object]:
        if function != "evaluate":
            raise AttributeError(f"expected evaluate of a peer's folder; got {function!r}")
        return partial(evaluate, arguments[0], files)

    return bind


def evaluate(request: Mapping[str, Any], files: Mapping[str, str]) -> Record:
    """Run one evaluation; the module's text says what comes back."""
    work, program, results = _laid_out(request, files[request["main"]])
    os.chdir(work)
    match request["format"]:
        case "openevolve":
            job = partial(openevolve, request, work, program)
        case "shinkaevolve":
            evaluator = f"{work}/{request['evaluator']}"
            job = partial(script, evaluator, ["--program_path", program, "--results_dir", results, *request["arguments"]])
        case _:
            evaluator = f"{request['folder']}/{request['evaluator']}"
            job = partial(script, evaluator, [program, f"{results}/results.json"])
    ended = run_apart(cast("Callable[[Say], int]", job), request["seconds"])
    for text in (ended.output[-6000:], ended.error[-6000:]):
        sys.stdout.write(text)
    if ended.code is None:
        return _failed("timed_out", f"expected the evaluator to end within {request['seconds']:g} s; it did not", ended)
    if request["format"] == "openevolve":
        return _told(ended)
    return _shinka_results(request, ended, results) if request["format"] == "shinkaevolve" else _flat_results(ended, results)


def _laid_out(request: Mapping[str, Any], source: str) -> tuple[str, str, str]:
    """The folder to work in, the candidate's file and the folder for results, all in the scratch space."""
    scratch = Path.cwd()
    work, own, results, programs = (scratch / name for name in ("work", "program", "results", "bin"))
    for folder in (work, own, results, programs):
        folder.mkdir()
    _bring(Path(request["folder"]) / request["cwd"], work)
    program = own / f"main{request['suffix']}"
    program.write_text(source, encoding="utf-8")
    for name in ("python", "python3"):
        (programs / name).symlink_to(sys.executable)
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = f"{_SHIMS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    sys.path.insert(0, _SHIMS)
    return str(work), str(program), str(results)


def _bring(folder: Path, work: Path) -> None:
    """Small files as copies, which an evaluator may overwrite; folders and the rest as links to what is read-only."""
    left = _COPIED_IN_ALL
    for entry in sorted(folder.iterdir()):
        target = work / entry.name
        size = entry.stat().st_size if entry.is_file() else _COPIED_IN_ALL
        if size <= min(_COPIED_FILE, left):
            target.write_bytes(entry.read_bytes())
            left -= size
        else:
            target.symlink_to(entry)


def _failed(cause: str, text: str, ended: Ended) -> Record:
    tail = ended.error.strip() or ended.output.strip()
    return {"end": cause, "text": f"{text}\n{tail[-_LONGEST_TEXT // 2 :]}".strip()}


def _told(ended: Ended) -> Record:
    """OpenEvolve: what the process said, a line for each stage and a last one for its end."""
    said = [json.loads(line) for line in ended.said]
    if not said or "end" not in said[-1]:
        return _failed("call_error", f"the evaluator's process ended by itself, with exit status {ended.code}", ended)
    record: Record = {"correct": True, "metrics": {}, "artifacts": {}, "stages": len(said) - 1}
    for stage in said[:-1]:
        record["metrics"] |= stage["metrics"]
        record["artifacts"] |= stage["artifacts"]
    return record | said[-1]


def _shinka_results(request: Mapping[str, Any], ended: Ended, results: str) -> Record:
    """ShinkaEvolve: the files that the process wrote, whatever its exit code."""
    found = _read_table(f"{results}/metrics.json")
    verdict = _read_table(f"{results}/correct.json")
    for name, table in (("metrics.json", found), ("correct.json", verdict)):
        if isinstance(table, str):
            cause = "call_error" if ended.code else "wrong"
            return _failed(cause, f"expected {name} in the results folder; {table}; exit status {ended.code}", ended)
    found, verdict = cast("Record", found), cast("Record", verdict)
    public, private = _table(found.pop("public", None)), _table(found.pop("private", None))
    score = {"combined_score": found.pop("combined_score")} if "combined_score" in found else {}
    feedback = found.pop("text_feedback", None)
    return {
        "end": "done",
        "correct": verdict.get("correct") is True,
        "text": _text(verdict.get("error") or "the evaluator says that the result is not correct"),
        "metrics": _plain(score | public),
        "private": _plain(found | private),
        "feedback": _text(feedback) if feedback is not None and request["text_feedback"] else "",
    }


def _flat_results(ended: Ended, results: str) -> Record:
    """CodeEvolve: one table of metrics, and an exit code that counts."""
    if ended.code:
        return _failed("call_error", f"the evaluator ended with exit status {ended.code}", ended)
    found = _read_table(f"{results}/results.json")
    if isinstance(found, str):
        return _failed("wrong", f"expected a table of metrics in the results file; {found}", ended)
    return {"end": "done", "correct": True, "metrics": _plain(found), "feedback": ended.error.strip()[-_LONGEST_TEXT:]}


def _read_table(path: str) -> Record | str:
    """A JSON object, or what is wrong with the file."""
    file = Path(path)
    if not file.is_file():
        return "there is none"
    if file.stat().st_size > _LARGEST_RESULT:
        return f"it is larger than {_LARGEST_RESULT >> 20} MiB"
    try:
        table = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        return f"it is no JSON: {error}"
    return cast("Record", table) if isinstance(table, dict) else f"it holds a {type(table).__name__}, not an object"


def _table(value: object) -> Record:
    return cast("Record", value) if isinstance(value, dict) else {}


def _plain(table: Record) -> Record:
    """Numbers, bools and None as they are, all else as text."""
    kept: Record = {}
    for name, value in list(table.items())[:200]:
        kept[name[:64]] = value if value is None or isinstance(value, bool) else _number_or_text(value)
    return kept


def _number_or_text(value: object) -> float | str:
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return _text(value)
    return _text(value)


def _text(value: object) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
