"""What a folder of another system asks of a run, where the command line leaves it open."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from evolution.language import LANGUAGES
from evolution.models import Model
from evolution.peers.mapping import Finding, Treatment
from evolution.peers.translation import TITLES, Imported, WishedModel
from evolution.run import ModelChoice, RunConfig
from galapagos.failures import ExitCode, Failure


@dataclass(frozen=True, slots=True)
class Adapted:
    """A run's configuration and seed, the models that its settings name, and what is to be told about it once."""

    config: RunConfig
    seed: int | None
    models: tuple[Model, ...]
    notes: tuple[str, ...]


def adapted(folder: Imported, config: RunConfig, seed: int | None, given: Set[str], environment: Mapping[str, str]) -> Adapted:
    """Fill in what the folder asks for; `given` names the options that stood on the command line.

    Raises:
        Failure: the program's language can be changed by models alone, and there is none; or a budget of money is to
            hold for models without a price.
    """
    wishes, changes = folder.wishes, dict[str, object]()
    budget = config.budget
    if wishes.evaluations is not None and not given & {"evaluations", "seconds", "budget"}:
        changes["budget"] = budget.model_copy(update={"evaluations": wishes.evaluations})
    if wishes.islands is not None and "islands" not in given:
        changes["islands"] = wishes.islands
        changes["max_islands"] = max(wishes.islands, config.max_islands)
    if wishes.inspirations is not None:
        changes["inspirations"] = wishes.inspirations
    models: tuple[Model, ...] = ()
    if not config.models:
        usable = _usable(folder, environment)
        models = tuple(wished.model for wished in usable)
        changes["models"] = tuple(ModelChoice(name=wished.model.name, weight=wished.weight) for wished in usable)
    if models and budget.micro_dollars is not None:
        raise Failure(
            f"the models that {folder.settings} names have no price, so --budget cannot hold; describe them in the file of "
            "GALAPAGOS_MODELS and name them with --model, or give another limit",
            ExitCode.BAD_INPUT,
        )
    if not LANGUAGES[folder.problem.definition.language].mutates:
        changes |= {"mutate": False, "tune": False}
    chosen = config.model_copy(update=changes)
    return Adapted(chosen, wishes.seed if seed is None else seed, models, _notes(folder, chosen, models))


def _usable(folder: Imported, environment: Mapping[str, str]) -> list[WishedModel]:
    """The models whose key, and address where it is wanted, stand in the environment."""
    usable: list[WishedModel] = []
    for wished in folder.models:
        base = environment.get(wished.base_variable, "") if wished.base_variable else wished.model.base_url
        if environment.get(wished.model.api_key_env or "") and base:
            usable.append(replace(wished, model=wished.model.model_copy(update={"base_url": base})))
    return usable


def _notes(folder: Imported, config: RunConfig, models: tuple[Model, ...]) -> tuple[str, ...]:
    notes = [about(folder), *by_treatment(folder.findings, folder.settings), *folder.notes]
    wanted = sorted({str(wished.model.api_key_env) for wished in folder.models})
    missing = f"{folder.settings} names models, but {' and '.join(wanted)} is not set: " if folder.models else ""
    if models:
        notes.append(f"models of {folder.settings}: {', '.join(model.name for model in models)}")
    elif not config.models and config.mutate:
        notes.append(f"{missing}no model is asked; children are made by mutation and tuning")
    elif not config.models and not LANGUAGES[folder.problem.definition.language].mutates:
        raise Failure(
            f"{missing}no model is asked, and mutation and tuning do not know the language of {folder.program}: name a model "
            "with --model (docs/settings.md)",
            ExitCode.BAD_INPUT,
        )
    return tuple(notes)


def about(folder: Imported) -> str:
    """What the folder is, in one line."""
    return f"a folder of {TITLES[folder.peer]}: {folder.evaluator} judges {folder.program} in the same box: score not isolated"


def by_treatment(findings: tuple[Finding, ...], settings: str | None) -> list[str]:
    """The keys that deserve a word, each once: one line for the deprecated, the ignored and the unknown ones."""
    words = {
        Treatment.DEPRECATED: "deprecated keys, taken all the same",
        Treatment.IGNORED: "ignored keys",
        Treatment.UNKNOWN: "unknown keys",
    }
    lines: list[str] = []
    for treatment, word in words.items():
        keys = [finding.key for finding in findings if finding.treatment is treatment]
        if keys:
            lines.append(f"{settings}: {word}: {', '.join(keys)}")
    return lines


def models_toml(models: Sequence[Model]) -> str:
    """The models as a file for GALAPAGOS_MODELS; it holds no key."""
    tables = [
        "[[models]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in model.model_dump(exclude_none=True).items())
        for model in models
    ]
    return "\n".join(tables)
