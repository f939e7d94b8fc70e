"""The models that a folder's settings name, as settings of ours."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from evolution.models import Model
from evolution.peers.translation import WishedModel
from evolution.problem import ProblemError

OPENAI = "https://api.openai.com/v1"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NOT_IN_A_NAME = re.compile(r"[^\w.:/-]+")


def key_variable(text: object, otherwise: str) -> str:
    """The environment variable that `${VARIABLE}` names; `otherwise` where a key itself stands there, or nothing."""
    found = _VARIABLE.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else otherwise


def wished_model(
    where: str, name: str, weight: float, settings: Mapping[str, Any], base_variable: str | None = None
) -> WishedModel:
    """One model; `settings` are those of `evolution.models.Model`, None where nothing is said.

    Raises:
        ProblemError: a value that no model may have.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    try:
        model = Model.model_validate({"name": _NOT_IN_A_NAME.sub("-", name)[:64], "model": name, **given})
    except ValidationError as error:
        item = error.errors()[0]
        key = ".".join(str(part) for part in item["loc"])
        raise ProblemError(f"{where}: model {name!r}: {key}: {item['msg']}; got {item['input']!r}; correct it") from None
    return WishedModel(model, weight, base_variable)


def joined(models: list[WishedModel]) -> tuple[WishedModel, ...]:
    """Each model once, with the sum of its weights; one that is never asked is left out."""
    found: dict[str, WishedModel] = {}
    for wished in models:
        if wished.weight > 0:
            before = found.get(wished.model.name)
            found[wished.model.name] = replace(wished, weight=wished.weight + (before.weight if before else 0.0))
    return tuple(found.values())
