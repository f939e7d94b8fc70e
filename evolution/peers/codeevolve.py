"""Folders of CodeEvolve: input/evaluate.py, input/src/<initial program>, config.yaml."""

import re
from collections.abc import Mapping
from typing import Any, cast

from evolution.peers.mapping import PeerSettings, Rule, deprecated, ignored, taken, translated
from evolution.peers.translation import Axis, Folder, WishedModel, Wishes
from evolution.peers.wished_models import OPENAI, joined, wished_model
from evolution.peers.yaml_file import chosen_file, read_yaml
from evolution.problem import PeerFormat, ProblemError

BASE, KEY = "API_BASE", "API_KEY"
"""The environment variables with the endpoint of the models and its key."""
TIMEOUT_S = 60.0
MEGABYTE = 1 << 20
_SEARCH = "the search here has no such step"
_MODEL = "models here are asked without it"
_ENSEMBLES = ("ENSEMBLE", "EXPLORATION_ENSEMBLE", "EXPLOITATION_ENSEMBLE")


def _ensemble(name: str, rule: Rule) -> dict[str, Rule]:
    return {
        f"{name}[].model_name": rule,
        f"{name}[].temp": translated("`temperature` of the model"),
        f"{name}[].weight": taken("how often the model is asked against the others, summed over the lists"),
        f"{name}[].retries": taken("`retries` of the model"),
        f"{name}[].max_tok": translated("`max_tokens` of the model"),
        **ignored(_MODEL, f"{name}[].top_p", f"{name}[].seed", f"{name}[].verify_ssl"),
    }


KEYS: Mapping[str, Rule] = {
    "SYS_MSG": translated("the problem's statement, without the lines with PROMPT-BLOCK markers"),
    "CODEBASE_PATH": taken("the folder, within `input`, that travels with the candidate"),
    "INIT_FILE_DATA.filename": taken("the initial program, within that folder"),
    "EVAL_FILE_NAME": taken("the evaluator, within `input`"),
    "EVAL_TIMEOUT": translated("wall time of the evaluator"),
    "MAX_MEM_BYTES": translated("`limits.memory_mib`, rounded up"),
    "BUDGET_CONFIG.eval_timeout": translated("wall time of the evaluator"),
    "BUDGET_CONFIG.max_mem_bytes": translated("`limits.memory_mib`, rounded up"),
    "SEED": taken("the seed of all choices, unless `--seed` is given"),
    "EVOLVE_CONFIG.fitness_key": taken("the metric that is the score"),
    "EVOLVE_CONFIG.num_epochs": translated(
        "the limit of evaluations, times the number of islands, unless the command line gives a limit"
    ),
    "EVOLVE_CONFIG.num_islands": taken("islands at the start, at most 32, unless `--islands` is given"),
    "EVOLVE_CONFIG.num_inspirations": taken("inspirations, at most 8"),
    "MAP_ELITES.features[].name": translated("an axis of the archive, for a metric in lower-case letters, digits and `_`"),
    "MAP_ELITES.features[].min_val": translated("`low` of that axis"),
    "MAP_ELITES.features[].max_val": translated("`high` of that axis"),
    "MAP_ELITES.features[].num_bins": translated("`cells` of that axis"),
    **_ensemble("ENSEMBLE", deprecated("a model")),
    **_ensemble("EXPLORATION_ENSEMBLE", translated("a model")),
    **_ensemble("EXPLOITATION_ENSEMBLE", translated("a model")),
    **ignored("the suffix of the initial program decides", "INIT_FILE_DATA.language"),
    **ignored(
        "the sandbox watches time and memory itself",
        "MEM_CHECK_INTERVAL_S", "BUDGET_CONFIG.mem_check_interval_s", "BUDGET_CONFIG.resource_check_interval_s",
        "BUDGET_CONFIG.num_cpus_per_eval",
    ),
    **ignored("models work on programs here, not on prompts", "SAMPLER_AUX_LM", "EVOLVE_CONFIG.meta_prompting", "AUX_LM"),
    **ignored(
        _SEARCH,
        "EVOLVE_CONFIG.selection", "EVOLVE_CONFIG.selection_policy", "EVOLVE_CONFIG.selection_kwargs",
        "EVOLVE_CONFIG.migration", "EVOLVE_CONFIG.migration_topology", "EVOLVE_CONFIG.migration_interval",
        "EVOLVE_CONFIG.migration_rate", "EVOLVE_CONFIG.exploration_rate", "EVOLVE_CONFIG.exploration_scheduler",
        "EVOLVE_CONFIG.use_scheduler", "EVOLVE_CONFIG.type", "EVOLVE_CONFIG.scheduler_kwargs", "EVOLVE_CONFIG.max_chat_depth",
        "EVOLVE_CONFIG.init_pop", "EVOLVE_CONFIG.max_size", "EVOLVE_CONFIG.use_map_elites", "MAP_ELITES.elite_map_type",
    ),
    **ignored("a run ends at its limits, its target, or when somebody asks", "EVOLVE_CONFIG.early_stopping_rounds"),
    **ignored("runs are kept in the program database", "EVOLVE_CONFIG.ckpt"),
    **ignored(
        "the markers here are EVOLVE-BLOCK-START and EVOLVE-BLOCK-END",
        "EVOLVE_CONFIG.markers", "EVOLVE_CONFIG.mp_start_marker", "EVOLVE_CONFIG.mp_end_marker",
        "EVOLVE_CONFIG.evolve_start_marker", "EVOLVE_CONFIG.evolve_end_marker",
    ),
    **ignored("an embedding of programs is not made here", "EMBEDDING"),
}  # fmt: skip


def recognised(files: Mapping[str, bytes]) -> bool:
    """Whether these are the files of such a folder."""
    return (
        any(path.startswith("input/src/") for path in files)
        and any(path.startswith("input/") and path.count("/") == 1 and path.endswith(".py") for path in files)
    ) or _settings_file(files) is not None


def _settings_file(files: Mapping[str, bytes]) -> str | None:
    return chosen_file(files, (), ("", "configs/", "input/"), (b"EVOLVE_CONFIG",))


def load(name: str, files: Mapping[str, bytes]) -> Folder:
    """Read such a folder.

    Raises:
        ProblemError: no settings, settings that cannot be used, or a file that they name and that is not there.
    """
    path = chosen_file(files, ("config.yaml", "config.yml"), ("", "configs/", "input/"), ())
    path = path or _settings_file(files)
    if path is None:
        raise ProblemError(
            f"{name}: expected a config.yaml with EVOLVE_CONFIG beside input/ or in configs/: it names the metric that is the "
            "score; put it there"
        )
    settings = PeerSettings(path, read_yaml(path, files[path]), KEYS)
    source = (settings.text("CODEBASE_PATH") or "src/").strip("/")
    evaluator = f"input/{settings.text('EVAL_FILE_NAME') or 'evaluate.py'}"
    program = _program(settings, files, f"input/{source}/")
    score = settings.text("EVOLVE_CONFIG.fitness_key")
    if not score:
        raise ProblemError(f"{path}: EVOLVE_CONFIG.fitness_key: expected the name of the metric that is the score; add it")
    for wanted in (evaluator, program):
        if wanted not in files:
            raise ProblemError(f"{name}: {path} names {wanted!r}, which is not in the folder; add it or correct the name")
    memory = settings.whole("BUDGET_CONFIG.max_mem_bytes", "MAX_MEM_BYTES", low=1)
    axes, notes = _axes(settings)
    return Folder(
        peer=PeerFormat.CODEEVOLVE,
        name=name,
        files=files,
        evaluator=evaluator,
        program=program,
        settings=path,
        findings=settings.findings(),
        statement=_statement(settings.text("SYS_MSG") or ""),
        score=score,
        timeout_s=settings.number("BUDGET_CONFIG.eval_timeout", "EVAL_TIMEOUT", low=0.001, high=86_400) or TIMEOUT_S,
        stages=1,
        box={},
        directory=f"input/{source}",
        memory_mib=None if memory is None else min(1 << 20, max(64, -(-memory // MEGABYTE))),
        axes=axes,
        wishes=_wishes(settings),
        models=_models(settings),
        notes=notes,
    )


def _program(settings: PeerSettings, files: Mapping[str, bytes], folder: str) -> str:
    named = settings.text("INIT_FILE_DATA.filename")
    if named:
        return f"{folder}{named}"
    found = sorted(path for path in files if path.startswith(folder) and "/" not in path[len(folder) :])
    if len(found) != 1:
        raise ProblemError(
            f"{settings.where}: INIT_FILE_DATA.filename: expected the name of the initial program in {folder}, which holds "
            f"{', '.join(found) or 'nothing'}; add it"
        )
    return found[0]


def _statement(message: str) -> str:
    return "\n".join(line for line in message.splitlines() if not re.search(r"PROMPT-BLOCK-(START|END)", line))


def _wishes(settings: PeerSettings) -> Wishes:
    islands = settings.whole("EVOLVE_CONFIG.num_islands", low=1)
    epochs = settings.whole("EVOLVE_CONFIG.num_epochs", low=1)
    inspirations = settings.whole("EVOLVE_CONFIG.num_inspirations")
    return Wishes(
        evaluations=None if epochs is None else epochs * (islands or 1),
        seed=settings.whole("SEED", high=(1 << 63) - 1),
        islands=None if islands is None else min(islands, 32),
        inspirations=None if inspirations is None else min(inspirations, 8),
    )


def _axes(settings: PeerSettings) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    axes: list[Axis] = []
    notes: list[str] = []
    for number, table in enumerate(settings.items("MAP_ELITES.features", dict), 1):
        own = PeerSettings(f"{settings.where}: MAP_ELITES.features, table {number}", _named(table), {})
        name, bounds = own.text("name") or "", [own.number(key, low=float("-inf")) for key in ("min_val", "max_val")]
        low, high = bounds
        if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) is None or low is None or high is None or low >= high or len(axes) == 4:
            notes.append(
                f"MAP_ELITES: {name or number}: no axis is made of it: that needs a plain name and both bounds, four at most"
            )
        else:
            axes.append(Axis(name, low, high, min(256, own.whole("num_bins", low=1) or 10)))
    return tuple(axes), tuple(notes)


def _models(settings: PeerSettings) -> tuple[WishedModel, ...]:
    found: list[WishedModel] = []
    for list_ in _ENSEMBLES:
        for number, table in enumerate(settings.items(list_, dict), 1):
            own = PeerSettings(f"{settings.where}: {list_}, table {number}", _named(table), {})
            name = own.text("model_name")
            if not name:
                raise own.wrong(("model_name",), "the name of a model", name)
            weight = own.number("weight")
            retries = own.whole("retries")
            given = {
                "base_url": OPENAI,
                "api_key_env": KEY,
                "temperature": own.number("temp"),
                "max_tokens": own.whole("max_tok", low=1),
                "retries": None if retries is None else min(20, retries),
            }
            found.append(wished_model(own.where, name, 1.0 if weight is None else weight, given, BASE))
    return joined(found)


def _named(table: object) -> dict[str, Any]:
    return {str(key): value for key, value in cast("dict[object, Any]", table).items()}
