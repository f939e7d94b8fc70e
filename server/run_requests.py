"""Whether a run can be what is asked, before it is stored."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from database.allowed_models import ModelsNotAllowed
from evolution.language import LANGUAGES, Language
from evolution.models import ModelsError, chosen, leaving_room
from evolution.run import ModelChoice, RunConfig
from server.problem_details import FieldError, Refusal
from server.service import Service


def fitting(service: Service, config: RunConfig, language: Language) -> RunConfig:
    """The configuration with all that the language decides, and with room beside people who are asked.

    Its models are configured then.

    Raises:
        Refusal: nothing would be left to make children.
        ModelsError: a model that is not configured, or has no price under a limit of money.
    """
    check_models(service, config.models, money_limited=config.budget.micro_dollars is not None)
    traits = LANGUAGES[language]
    if not traits.mutates:
        config = config.model_copy(update={"mutate": False, "tune": False})
    if not (config.mutate or config.models):
        why = f"programs in {traits.title} are changed by models alone" if not traits.mutates else "mutate is false"
        said = f"expected at least one model, since {why}; name one of {', '.join(service.models) or 'none configured'}"
        raise Refusal(422, said, [FieldError(field="body.config.models", message=said)])
    return leaving_room(config, service.models)


@contextmanager
def models_at(field: str) -> Generator[None]:
    """Let what is wrong with the models of a run name `field`, where they stand.

    Raises:
        Refusal: they cannot be asked, or the run's project may not use them. 409 where the run had them before.
    """
    try:
        yield
    except (ModelsError, ModelsNotAllowed) as error:
        errors = [FieldError(field=field, message=line) for line in str(error).splitlines()]
        raise Refusal(422 if field.startswith("body.") else 409, str(error), errors) from None


def check_models(service: Service, models: Iterable[ModelChoice], *, money_limited: bool) -> None:
    """Whether a run may ask these models.

    Raises:
        Refusal: one is named twice.
        ModelsError: one is not configured, or has no price under a limit of money.
    """
    names = [model.name for model in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ModelsError(f"each model may be named once; named more often: {', '.join(twice)}; add their weights up")
    chosen(service.models, names, money_limited=money_limited)
