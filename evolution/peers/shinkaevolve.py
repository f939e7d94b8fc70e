"""Folders of ShinkaEvolve: initial.<suffix>, evaluate.py, and settings in YAML or in a Python file that starts runs."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from evolution.peers.mapping import PeerSettings, Rule, deprecated, ignored, taken, translated
from evolution.peers.translation import Folder, WishedModel, Wishes
from evolution.peers.wished_models import OPENAI, joined, wished_model
from evolution.peers.yaml_file import chosen_file, read_yaml
from evolution.problem import PeerFormat, ProblemError

EVALUATOR = "evaluate.py"
STARTER = "run_evo.py"
KEY = "OPENAI_API_KEY"
TIMEOUT_S = 600.0
TABLES = {"EvolutionConfig": "evo_config", "DatabaseConfig": "db_config", "LocalJobConfig": "job_config"}
_OPENAI_MODEL = re.compile(r"(?:gpt-|o\d|chatgpt-)[\w.-]*")
_SEARCH = "the search here has no such step"
_STORE = "runs are kept in the program database"
_OPERATORS = "operators are chosen by what they brought"
_JUDGE = "models do not judge, summarise or embed programs here"
_MODEL = "models here are asked without it"
_SLOTS = "GALAPAGOS_SLOTS and `--in-flight` say how much is done at a time"

KEYS: Mapping[str, Rule] = {
    "evo_config.task_sys_msg": translated("the problem's statement"),
    "evo_config.num_generations": translated("the limit of evaluations, unless the command line gives a limit"),
    "evo_config.llm_models": translated("models, where the name is one of OpenAI's; name others with `--model`"),
    "evo_config.llm_kwargs.temperatures": translated("`temperature` of the models: the mean"),
    "evo_config.llm_kwargs.max_tokens": taken("`max_tokens` of the models"),
    "evo_config.use_text_feedback": taken("whether `text_feedback` is feedback for models; it is unless this is false"),
    "evo_config.init_program_path": taken("the initial program"),
    "evo_config.max_parallel_jobs": deprecated(f"nothing: {_SLOTS}"),
    "db_config.num_islands": taken("islands at the start, at most 32, unless `--islands` is given"),
    "db_config.num_archive_inspirations": translated("inspirations: the sum of both, at most 8"),
    "db_config.num_top_k_inspirations": translated("inspirations: the sum of both, at most 8"),
    "job_config.eval_program_path": taken("the evaluator"),
    "job_config.time": translated("wall time of the evaluator, from `hours:minutes:seconds`"),
    "job_config.extra_cmd_args": taken("further arguments of the evaluator"),
    **ignored("the suffix of the initial program decides", "evo_config.language"),
    **ignored(
        _OPERATORS,
        "evo_config.patch_types", "evo_config.patch_type_probs", "evo_config.max_patch_resamples",
        "evo_config.max_patch_attempts", "evo_config.inspiration_sort_order",
    ),
    **ignored(
        "money is limited by `--budget`", "evo_config.max_api_costs",
    ),
    **ignored(
        _MODEL,
        "evo_config.llm_dynamic_selection", "evo_config.llm_dynamic_selection_kwargs",
        "evo_config.llm_kwargs.reasoning_efforts",
        "evo_config.llm_kwargs.model_sample_probs", "evo_config.llm_kwargs.top_p", "evo_config.llm_rate_limits",
        "evo_config.llm_daily_quotas", "evo_config.route_failure_threshold", "evo_config.route_cooldown_seconds",
    ),
    **ignored(
        _JUDGE,
        "evo_config.meta_rec_interval", "evo_config.meta_llm_models", "evo_config.meta_llm_kwargs",
        "evo_config.meta_max_recommendations", "evo_config.sample_single_meta_rec", "evo_config.embedding_model",
        "evo_config.max_novelty_attempts", "evo_config.code_embed_sim_threshold", "evo_config.novelty_llm_models",
        "evo_config.novelty_llm_kwargs", "db_config.embedding_model",
    ),
    **ignored(
        "prompts are not evolved here",
        "evo_config.evolve_prompts", "evo_config.prompt_patch_types", "evo_config.prompt_patch_type_probs",
        "evo_config.prompt_evolution_interval", "evo_config.prompt_archive_size", "evo_config.prompt_llm_models",
        "evo_config.prompt_llm_kwargs", "evo_config.prompt_ucb_exploration_constant", "evo_config.prompt_epsilon",
        "evo_config.prompt_evo_top_k_programs", "evo_config.prompt_percentile_recompute_interval",
    ),
    **ignored(
        "programs are files here, not repositories",
        "evo_config.seed_repo_path", "evo_config.worktree_root", "evo_config.base_ref", "evo_config.mutable_paths",
        "evo_config.immutable_paths", "evo_config.agent_hidden_paths", "evo_config.ignore_paths", "evo_config.allow_deletions",
        "evo_config.allow_lockfile_changes", "evo_config.allow_binary_files", "evo_config.max_file_bytes",
        "evo_config.summary_filename", "evo_config.summary_max_chars", "evo_config.agent_model",
        "evo_config.headless_proposal_timeout_seconds", "evo_config.headless_cleanup_grace_seconds",
        "evo_config.headless_output_mode", "evo_config.headless_model_timeouts",
    ),
    **ignored(
        _STORE,
        "evo_config.results_dir", "evo_config.enable_wandb_logging", "evo_config.wandb_project", "evo_config.wandb_entity",
        "evo_config.wandb_group", "evo_config.wandb_name", "evo_config.wandb_mode", "evo_config.wandb_tags",
        "evo_config.wandb_notes", "evo_config.wandb_dir", "evo_config.wandb_run_id", "evo_config.wandb_resume",
        "evo_config.wandb_config", "db_config.db_path",
    ),
    **ignored("the evaluator runs in the sandbox of this machine", "evo_config.job_type", "job_config.conda_env",
              "job_config.activate_script", "job_config.numeric_threads_per_job"),
    **ignored(
        _SLOTS,
        "max_evaluation_jobs", "max_proposal_jobs", "max_db_workers", "evo_config.generation_target_mode",
        "evo_config.enable_controlled_oversubscription", "evo_config.proposal_target_mode",
        "evo_config.proposal_target_min_samples", "evo_config.proposal_target_ratio_cap", "evo_config.proposal_buffer_max",
        "evo_config.proposal_target_hard_cap", "evo_config.proposal_target_ewma_alpha", "evo_config.max_proposal_jobs",
        "evo_config.max_evaluation_jobs", "evo_config.max_db_workers",
    ),
    **ignored(
        _SEARCH,
        "db_config.archive_size", "db_config.elite_selection_ratio", "db_config.migration_interval",
        "db_config.migration_rate", "db_config.island_elitism", "db_config.enforce_island_separation",
        "db_config.parent_selection_strategy", "db_config.parent_selection_lambda", "db_config.exploitation_alpha",
        "db_config.exploitation_ratio", "db_config.num_beams", "db_config.archive_selection_strategy",
        "db_config.archive_criteria", "db_config.island_selection_strategy", "db_config.enable_dynamic_islands",
        "db_config.stagnation_threshold", "db_config.island_spawn_strategy", "db_config.island_spawn_subtree_size",
    ),
}  # fmt: skip


def recognised(files: Mapping[str, bytes]) -> bool:
    """Whether these are the files of such a folder."""
    return EVALUATOR in files and bool(_programs(files))


def _programs(files: Mapping[str, bytes]) -> list[str]:
    return [path for path in sorted(files) if "/" not in path and PurePosixPath(path).stem == "initial"]


def load(name: str, files: Mapping[str, bytes]) -> Folder:
    """Read such a folder.

    Raises:
        ProblemError: two initial programs, settings that cannot be used, or a file that they name and that is not there.
    """
    path = chosen_file(files, ("shinka.yaml", "shinka.yml"), ("",), (b"evo_config", b"db_config"))
    path = path or (STARTER if STARTER in files else None)
    table: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    if path == STARTER:
        table, notes = _from_starter(files[path])
    elif path:
        table = read_yaml(path, files[path])
    settings = PeerSettings(path or "shinka.yaml", table, KEYS)
    evaluator = _named(settings, files, "job_config.eval_program_path") or EVALUATOR
    islands = settings.whole("db_config.num_islands", low=1)
    inspirations = [settings.whole(f"db_config.num_{kind}_inspirations") for kind in ("archive", "top_k")]
    return Folder(
        peer=PeerFormat.SHINKAEVOLVE,
        name=name,
        files=files,
        evaluator=evaluator,
        program=_program(name, settings, files),
        settings=path,
        findings=settings.findings(),
        statement=settings.text("evo_config.task_sys_msg") or "",
        score="combined_score",
        timeout_s=_seconds(settings),
        stages=1,
        box={
            "arguments": _arguments(settings),
            "text_feedback": settings.flag("evo_config.use_text_feedback", default=True),
        },
        wishes=Wishes(
            evaluations=settings.whole("evo_config.num_generations", low=1),
            islands=None if islands is None else min(islands, 32),
            inspirations=None if inspirations == [None, None] else min(8, sum(number or 0 for number in inspirations)),
        ),
        models=_models(settings),
        notes=notes,
    )


def _named(settings: PeerSettings, files: Mapping[str, bytes], key: str) -> str | None:
    """The file of the folder that a key names, if it is one: paths of other places are often given by their last part."""
    text = settings.text(key)
    if not text:
        return None
    plain = text.removeprefix("./")
    return plain if plain in files else PurePosixPath(plain).name if PurePosixPath(plain).name in files else None


def _program(name: str, settings: PeerSettings, files: Mapping[str, bytes]) -> str:
    named = _named(settings, files, "evo_config.init_program_path")
    found = [named] if named else _programs(files)
    if len(found) != 1:
        raise ProblemError(
            f"{name}: expected one file initial.<suffix>; got {', '.join(found)}; remove all but one, or name it in "
            "evo_config.init_program_path"
        )
    return found[0]


def _seconds(settings: PeerSettings) -> float:
    text = settings.value("job_config.time")
    if text is None:
        return TIMEOUT_S
    parts = str(text).split(":")
    if not 1 <= len(parts) <= 3 or not all(part.isdigit() for part in parts):
        raise settings.wrong(("job_config.time",), "hours:minutes:seconds", text)
    seconds = sum(int(part) * 60**place for place, part in enumerate(reversed(parts)))
    return float(min(max(seconds, 1), 86_400))


def _arguments(settings: PeerSettings) -> list[str]:
    """As `--name value`; a true flag alone, a false one not at all."""
    words: list[str] = []
    for name, item in settings.table("job_config.extra_cmd_args").items():
        if item is not False and item is not None:
            words += [f"--{name}"] if item is True else [f"--{name}", str(item)]
    return words


def _models(settings: PeerSettings) -> tuple[WishedModel, ...]:
    numbers = [float(number) for number in settings.items("evo_config.llm_kwargs.temperatures", float)]
    shared = {
        "base_url": OPENAI,
        "api_key_env": KEY,
        "temperature": min(2.0, sum(numbers) / len(numbers)) if numbers else None,
        "max_tokens": settings.whole("evo_config.llm_kwargs.max_tokens", low=1),
        "answer_limit_field": "max_completion_tokens",
    }
    names = [name for name in settings.items("evo_config.llm_models", str) if _OPENAI_MODEL.fullmatch(name)]
    return joined([wished_model(settings.where, name, 1.0, shared) for name in names])


def _from_starter(content: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a Python file passes to the types of settings, where it is written out there; the file is never run."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ProblemError(f"{STARTER}: expected Python; it cannot be read: {error}; correct it") from None
    known = dict(_assigned(tree))
    table: dict[str, Any] = {}
    notes: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        )
        if name in TABLES:
            for keyword in node.keywords:
                key = f"{TABLES[name]}.{keyword.arg}"
                try:
                    table.setdefault(TABLES[name], {})[str(keyword.arg)] = _literal(keyword.value, known)
                except ValueError:
                    notes.append(f"{STARTER}: {key}: left out: its value is computed, and the file is not run")
    return table, tuple(notes)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _literal(node: ast.expr, known: Mapping[str, ast.expr]) -> Any:
    """The value of a literal, of a name given to one, or of a call of `dict` with such.

    Raises:
        ValueError: anything else.
    """
    if isinstance(node, ast.Name) and node.id in known:
        return _literal(known[node.id], {})
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
        return {str(keyword.arg): _literal(keyword.value, known) for keyword in node.keywords}
    return ast.literal_eval(node)
