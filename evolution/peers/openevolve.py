"""Folders of OpenEvolve: initial_program.<suffix>, evaluator.py, config.yaml."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from evolution.peers.mapping import PeerSettings, Rule, deprecated, ignored, taken, translated
from evolution.peers.translation import Folder, WishedModel, Wishes
from evolution.peers.wished_models import OPENAI, joined, key_variable, wished_model
from evolution.peers.yaml_file import chosen_file, read_yaml
from evolution.problem import PeerFormat, ProblemError

EVALUATOR = "evaluator.py"
KEY = "OPENAI_API_KEY"
STAGES = 3
TIMEOUT_S = 300.0
THRESHOLDS = (0.5, 0.75, 0.9)
_SEARCH = "the search here has no such step"
_STORE = "runs, prompts and logs are kept in the program database"
_PROMPT = "prompts here have templates of their own"
_OPERATORS = "operators are chosen by what they brought"
_MODEL = "models here are asked without it"
_ARCHIVE = "the archive here has islands of cells with fixed bounds"

KEYS: Mapping[str, Rule] = {
    "max_iterations": translated("the limit of evaluations, unless the command line gives a limit"),
    "random_seed": taken("the seed of all choices, unless `--seed` is given"),
    "max_code_length": translated("`limits.source_kib`, rounded up"),
    "llm.api_base": translated("`base_url` of each model"),
    "llm.api_key": translated("`${NAME}` names the environment variable of the key; a key itself is not used and not stored"),
    "llm.models[].name": translated("`name` and `model` of a model"),
    "llm.models[].weight": taken("how often the model is asked against the others"),
    "llm.models[].api_base": translated("`base_url` of the model"),
    "llm.models[].api_key": translated("as `llm.api_key`, for one model"),
    "llm.models[].temperature": taken("`temperature` of the model"),
    "llm.models[].max_tokens": taken("`max_tokens` of the model"),
    "llm.models[].timeout": translated("`timeout_s` of the model"),
    "llm.models[].retries": taken("`retries` of the model"),
    "llm.primary_model": translated("a model"),
    "llm.primary_model_weight": translated("its weight"),
    "llm.secondary_model": translated("a second model"),
    "llm.secondary_model_weight": translated("its weight, 0.2 if it is not given"),
    "llm.temperature": taken("`temperature` of models that have none of their own"),
    "llm.max_tokens": taken("`max_tokens` of models that have none of their own"),
    "llm.timeout": translated("`timeout_s` of models that have none of their own"),
    "llm.retries": taken("`retries` of models that have none of their own"),
    "llm.model": deprecated("a model, as `llm.primary_model`"),
    "prompt.system_message": translated("the problem's statement"),
    "prompt.num_top_programs": translated("inspirations: the sum of both, at most 8"),
    "prompt.num_diverse_programs": translated("inspirations: the sum of both, at most 8"),
    "prompt.include_artifacts": taken("whether artifacts are feedback that a model may read"),
    "database.num_islands": taken("islands at the start, at most 32, unless `--islands` is given"),
    "database.feature_dimensions": translated(
        "`complexity` is the axis `length`; a metric named here is left out of the mean that stands in for `combined_score`"
    ),
    "database.feature_bins": translated("cells of the axis `length`, at most 256"),
    "evaluator.timeout": translated("wall time of one stage of the evaluator"),
    "evaluator.cascade_evaluation": taken("whether `evaluate_stage1` to `3` are used where the first of them exists"),
    "evaluator.cascade_thresholds": taken("what a stage must reach for the next one to run"),
    "evaluator.evaluator_args": taken("further arguments of `evaluate`, where it takes them"),
    "evaluator.memory_limit_mb": translated("`limits.memory_mib`"),
    "parallel_evaluations": deprecated("nothing: GALAPAGOS_SLOTS says how many programs are judged at a time"),
    "allow_full_rewrites": deprecated(f"nothing: {_OPERATORS}"),
    **ignored("the suffix of the initial program decides", "language", "file_suffix"),
    **ignored(_OPERATORS, "diff_based_evolution", "diff_pattern"),
    **ignored("text outside of the markers never changes here", "enforce_evolve_blocks"),
    **ignored(
        "a run ends at its limits, its target, or when somebody asks",
        "early_stopping_patience", "convergence_threshold", "early_stopping_metric",
    ),
    **ignored(_STORE, "checkpoint_interval", "log_level", "log_dir", "evolution_trace"),
    **ignored(
        "GALAPAGOS_SLOTS says how many programs are judged at a time",
        "evaluator.parallel_evaluations", "max_tasks_per_child",
    ),
    **ignored(
        _MODEL,
        "llm.top_p", "llm.provider", "llm.retry_delay", "llm.random_seed", "llm.reasoning_effort", "llm.manual_mode",
        "llm.system_message", "llm.max_budget_usd", "llm.max_ai_credits", "llm.allow_all_tools", "llm.init_client",
        "llm.models[].top_p", "llm.models[].provider", "llm.models[].retry_delay", "llm.models[].random_seed",
        "llm.models[].reasoning_effort", "llm.models[].manual_mode", "llm.models[].system_message",
        "llm.models[].max_budget_usd", "llm.models[].max_ai_credits", "llm.models[].allow_all_tools",
        "llm.models[].init_client",
    ),
    **ignored("models do not judge here", "llm.evaluator_models", "evaluator.use_llm_feedback", "evaluator.llm_feedback_weight",
              "prompt.evaluator_system_message"),
    **ignored(
        _PROMPT,
        "prompt.template_dir", "prompt.island_system_messages", "prompt.programs_as_changes_description",
        "prompt.system_message_changes_description", "prompt.initial_changes_description",
        "prompt.use_template_stochasticity", "prompt.template_variations", "prompt.use_meta_prompting",
        "prompt.meta_prompt_weight", "prompt.max_artifact_bytes", "prompt.artifact_security_filter",
        "prompt.suggest_simplification_after_chars", "prompt.include_changes_under_chars",
        "prompt.concise_implementation_max_lines", "prompt.comprehensive_implementation_min_lines",
        "prompt.diff_summary_max_line_len", "prompt.diff_summary_max_lines", "prompt.code_length_threshold",
    ),
    **ignored(
        _ARCHIVE,
        "database.population_size", "database.archive_size", "database.diversity_metric", "database.diversity_reference_size",
    ),
    **ignored(
        _SEARCH,
        "database.elite_selection_ratio", "database.exploration_ratio", "database.exploitation_ratio",
        "database.migration_interval", "database.migration_rate", "database.novelty_llm", "database.embedding_model",
        "database.embedding_api_base", "database.similarity_threshold",
    ),
    **ignored(
        _STORE,
        "database.db_path", "database.in_memory", "database.log_prompts", "database.random_seed",
        "database.artifacts_base_path", "database.artifact_size_threshold", "database.cleanup_old_artifacts",
        "database.artifact_retention_days", "database.max_snapshot_artifacts",
    ),
    **ignored(
        "the sandbox has limits of its own, and repeats only what was the machine's fault",
        "evaluator.max_retries", "evaluator.cpu_limit", "evaluator.distributed", "evaluator.max_artifact_storage",
    ),
    **ignored("prompt.include_artifacts decides", "evaluator.enable_artifacts"),
}  # fmt: skip


def recognised(files: Mapping[str, bytes]) -> bool:
    """Whether these are the files of such a folder."""
    return EVALUATOR in files and bool(_programs(files))


def _programs(files: Mapping[str, bytes]) -> list[str]:
    """The initial program's name, of those that stand in the folder itself; more than one if it is not clear."""
    top = [path for path in sorted(files) if "/" not in path and path != EVALUATOR]
    for stem in ("initial_program", "initial"):
        if found := [path for path in top if PurePosixPath(path).stem == stem]:
            return found
    return [path for path in top if path.startswith("initial_")]


def load(name: str, files: Mapping[str, bytes]) -> Folder:
    """Read such a folder.

    Raises:
        ProblemError: two initial programs, or settings that cannot be used.
    """
    programs = _programs(files)
    if len(programs) != 1:
        raise ProblemError(f"{name}: expected one initial program; got {', '.join(programs)}; remove all but one")
    path = chosen_file(files, ("config.yaml", "config.yml"), ("",), (b"max_iterations", b"llm:", b"evaluator:"))
    table = read_yaml(path, files[path]) if path else {}
    settings = PeerSettings(path or "config.yaml", table, KEYS)
    dimensions = [str(item) for item in settings.items("database.feature_dimensions", str)]
    cascade = settings.flag("evaluator.cascade_evaluation", default=True) and b"evaluate_stage1" in files[EVALUATOR]
    thresholds = [float(item) for item in settings.items("evaluator.cascade_thresholds", float)] or list(THRESHOLDS)
    return Folder(
        peer=PeerFormat.OPENEVOLVE,
        name=name,
        files=files,
        evaluator=EVALUATOR,
        program=programs[0],
        settings=path,
        findings=settings.findings(),
        statement=settings.text("prompt.system_message") or "",
        score="combined_score",
        timeout_s=settings.number("evaluator.timeout", low=0.001, high=86_400) or TIMEOUT_S,
        stages=STAGES if cascade else 1,
        box={
            "mean": True,
            "dimensions": dimensions,
            "cascade": cascade,
            "thresholds": thresholds,
            "arguments": _arguments(settings),
            "artifacts": settings.flag("prompt.include_artifacts", default=True),
        },
        memory_mib=settings.whole("evaluator.memory_limit_mb", low=64, high=1 << 20),
        longest_source=settings.whole("max_code_length", low=1),
        length_cells=_cells(settings),
        wishes=_wishes(settings),
        models=_models(settings),
    )


def _wishes(settings: PeerSettings) -> Wishes:
    inspirations = [settings.whole(f"prompt.num_{kind}_programs") for kind in ("top", "diverse")]
    islands = settings.whole("database.num_islands", low=1)
    return Wishes(
        evaluations=settings.whole("max_iterations", low=1),
        seed=settings.whole("random_seed", high=(1 << 63) - 1),
        islands=None if islands is None else min(islands, 32),
        inspirations=None if inspirations == [None, None] else min(8, sum(number or 0 for number in inspirations)),
    )


def _arguments(settings: PeerSettings) -> dict[str, Any]:
    given = settings.table("evaluator.evaluator_args")
    return {key: item for key, item in given.items() if isinstance(item, str | int | float | bool | list)}


def _cells(settings: PeerSettings) -> int | None:
    bins = settings.value("database.feature_bins")
    if isinstance(bins, dict):
        return settings.whole("database.feature_bins.complexity", low=1, high=256)
    number = settings.whole("database.feature_bins", low=1)
    return None if number is None else min(number, 256)


def _models(settings: PeerSettings) -> tuple[WishedModel, ...]:
    named: list[tuple[str, float, str]] = []
    single = settings.text("llm.primary_model", "llm.model")
    if single:
        named.append((single, _or(settings.number("llm.primary_model_weight"), 1.0), "llm"))
    if second := settings.text("llm.secondary_model"):
        named.append((second, _or(settings.number("llm.secondary_model_weight"), 0.2), "llm"))
    found = [_model(settings, name, weight, PeerSettings("", {}, {})) for name, weight, _ in named]
    for number, table in enumerate(settings.items("llm.models", dict), 1):
        own = PeerSettings(
            f"{settings.where}: llm.models, table {number}", {str(key): value for key, value in table.items()}, {}
        )
        name = own.text("name")
        if not name:
            raise own.wrong(("name",), "the name of a model", name)
        found.append(_model(settings, name, _or(own.number("weight"), 1.0), own))
    return joined(found)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _model(settings: PeerSettings, name: str, weight: float, own: PeerSettings) -> WishedModel:
    def number(key: str) -> float | None:
        mine = own.number(key)
        return settings.number(f"llm.{key}") if mine is None else mine

    tokens, retries = number("max_tokens"), number("retries")
    shared = {
        "base_url": own.text("api_base") or settings.text("llm.api_base") or OPENAI,
        "api_key_env": key_variable(own.value("api_key") or settings.value("llm.api_key"), KEY),
        "temperature": number("temperature"),
        "timeout_s": number("timeout"),
        "max_tokens": None if tokens is None else int(tokens),
        "retries": None if retries is None else min(20, int(retries)),
    }
    return wished_model(settings.where, name, weight, shared)
