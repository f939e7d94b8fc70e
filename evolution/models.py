"""The model endpoints that an administrator configured: a TOML file that `GALAPAGOS_MODELS` names.

    [[models]]
    name = "small"                          # what runs call it
    base_url = "https://api.example.org/v1" # an OpenAI-compatible endpoint
    model = "example-small"                 # what the endpoint calls it
    api_key_env = "EXAMPLE_API_KEY"         # optional: the variable that holds the key
    price_in = 150_000                      # optional, with price_out: micro-dollars for a million tokens
    price_out = 600_000

    [[models]]
    name = "team"
    kind = "people"                         # who leases what it is asked, and answers, through the service

Money is integer micro-dollars everywhere, rounded up once for each call.
"""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from evolution.run import RunConfig

TOKENS_PER_PRICE = 1_000_000
TOKENS_AROUND_A_MESSAGE = 16
"""More tokens than any known chat format puts around one message; a token is at least one byte of the prompt."""


class ModelsError(ValueError):
    """The configured models cannot be used. The text says which key, what was expected, what came, what to do."""


class Message(BaseModel):
    """One message of a prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


MODEL_NAME = r"^[\w.:/-]+$"
LONGEST_MODEL_NAME = 64
# Its length is no part of the pattern: the letters of all scripts 64 times over take 6 MiB of every process.
Name = Annotated[str, Field(pattern=MODEL_NAME, max_length=LONGEST_MODEL_NAME)]


class Model(BaseModel):
    """One endpoint. Prices are micro-dollars for a million tokens; `max_tokens` bounds one answer.

    `timeout_s` bounds a whole call and `silence_timeout_s` the wait for its first and every next piece; `concurrency`
    is how many calls one worker has under way; `retries` is how often a call is made again after a failure that may pass.
    `most_calls` and `requests_per_minute` bound the calls that all workers of an installation have under way, and begin.
    `temperature` is left to the endpoint where it is not given. Newer endpoints want their limit of tokens as
    `max_completion_tokens`: say so in `answer_limit_field`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Literal["endpoint"] = "endpoint"
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
    model: Annotated[str, Field(min_length=1)]
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    price_in: Annotated[int, Field(ge=0, le=10**12, strict=True)] | None = None
    price_out: Annotated[int, Field(ge=0, le=10**12, strict=True)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 8192
    answer_limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    silence_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    concurrency: Annotated[int, Field(ge=1, le=1000, strict=True)] = 16
    retries: Annotated[int, Field(ge=0, le=20, strict=True)] = 4
    most_calls: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None

    @model_validator(mode="after")
    def _priced_whole(self) -> Self:
        if (self.price_in is None) != (self.price_out is None):
            raise ValueError("price_in and price_out go together: give both, or neither")
        return self

    @property
    def priced(self) -> bool:
        """Whether calls of it can be counted in money; if not, a run with a money budget may not use it."""
        return self.price_in is not None

    def cost(self, tokens_in: int, tokens_out: int) -> int:
        """Micro-dollars of one call, rounded up; 0 without a price."""
        return -(-((self.price_in or 0) * tokens_in + (self.price_out or 0) * tokens_out) // TOKENS_PER_PRICE)

    def worst_case(self, messages: Iterable[Message]) -> int:
        """The most micro-dollars that one call with this prompt can cost: a token for each byte, and a full answer."""
        return self.cost(most_tokens(messages), self.max_tokens)

    def key(self, environment: Mapping[str, str]) -> str | None:
        """The endpoint's key, None where it needs none.

        Raises:
            ModelsError: the variable that should hold it is not set.
        """
        if self.api_key_env is None:
            return None
        key = environment.get(self.api_key_env, "").strip()
        if not key:
            raise ModelsError(
                f"model {self.name!r} needs the environment variable {self.api_key_env}, which is not set; "
                f"set it to the key of {self.base_url}, or remove api_key_env if the endpoint needs none"
            )
        return key


class People(BaseModel):
    """People and agents who answer in a model's place, through the service, for no money.

    What they are asked waits for `patience_s` seconds in all, then it is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Literal["people"]
    patience_s: Annotated[float, Field(ge=1, le=30 * 86_400)] = 86_400.0


def _kind_of(given: Any) -> str:
    named: Any = cast("dict[str, Any]", given).get("kind", "endpoint") if isinstance(given, dict) else given.kind
    return named if isinstance(named, str) else repr(named)


AnyModel = Model | People
"""Whatever a run may ask by name."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[
        Annotated[Annotated[Model, Tag("endpoint")] | Annotated[People, Tag("people")], Discriminator(_kind_of)], ...
    ] = ()


def most_tokens(messages: Iterable[Message]) -> int:
    """The most tokens that any endpoint can read in this prompt: one for each byte."""
    return sum(len(message.content.encode(errors="replace")) + TOKENS_AROUND_A_MESSAGE for message in messages)


def models_of(text: str, source: str) -> dict[str, AnyModel]:
    """The configured models, by name, from the text of their file; `source` names it in errors. Keys are not looked at.

    Raises:
        ModelsError: it is no TOML, or has an unknown key or an unusable value.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelsError(f"{source} is not valid TOML: {error}") from None
    try:
        models = _File.model_validate(table).models
    except ValidationError as error:
        raise ModelsError("\n".join(_complaint(source, item) for item in error.errors())) from None
    names = [model.name for model in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ModelsError(f"{source}: each model needs a name of its own; used twice: {', '.join(twice)}")
    return {model.name: model for model in models}


def _complaint(path: str, item: Any) -> str:
    # The kind of a table stands between its place and its key: it is no word of the file.
    place = [str(part) for number, part in enumerate(item["loc"]) if number != 2]
    where = ".".join(place) or "(top level)"
    if item["type"] == "union_tag_invalid":
        return f"{path}: {where}.kind: expected 'endpoint' or 'people'; got {item['ctx']['tag']!r}"
    if item["type"] == "extra_forbidden":
        kind = People if item["loc"][2:3] == ("people",) else Model
        known = ", ".join(kind.model_fields)
        return f"{path}: unknown key {where!r}; remove it or correct its name. A [[models]] table may hold: {known}"
    if item["type"] == "missing":
        return f"{path}: {where} is missing"
    return f"{path}: {where}: {item['msg']}; got {item['input']!r}"[:500]


def chosen(models: Mapping[str, AnyModel], names: Iterable[str], *, money_limited: bool) -> list[AnyModel]:
    """The models that a run may ask, by name.

    Raises:
        ModelsError: a name that is not configured, or a model without a price where money is limited.
    """
    found: list[AnyModel] = []
    for name in names:
        if name not in models:
            known = ", ".join(models) or "none"
            raise ModelsError(
                f"no model named {name!r} is configured; configured: {known}; add it to the file of GALAPAGOS_MODELS"
            )
        model = models[name]
        if money_limited and isinstance(model, Model) and not model.priced:
            raise ModelsError(
                f"model {name!r} has no price, so a money budget cannot hold; give it price_in and price_out "
                "(micro-dollars for a million tokens), or run without a money budget"
            )
        found.append(model)
    return found


def leaving_room(config: RunConfig, models: Mapping[str, AnyModel]) -> RunConfig:
    """The configuration with a bound of what people are asked at a time, where the run says none and has other ways to go on.

    They may take days: without a bound all that may be in flight would wait for them.
    """
    if len(config.models) < 2 and not config.mutate:
        return config
    bound = max(1, config.in_flight // 2)
    chosen_models = tuple(
        choice.model_copy(update={"in_flight": bound})
        if choice.in_flight is None and isinstance(models.get(choice.name), People)
        else choice
        for choice in config.models
    )
    return config.model_copy(update={"models": chosen_models})
