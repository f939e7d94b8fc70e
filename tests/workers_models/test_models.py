from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.models_file import keys_in, load_models
from evolution.models import AnyModel, Message, Model, ModelsError, People, chosen, leaving_room
from evolution.run import ModelChoice, RunConfig

WHOLE = """
[[models]]
name = "small"
base_url = "http://127.0.0.1:9/v1"
model = "scripted-small"
api_key_env = "SMALL_KEY"
price_in = 150_000
price_out = 600_000
max_tokens = 1000

[[models]]
name = "free"
base_url = "http://127.0.0.1:9/v1"
model = "scripted-free"

[[models]]
name = "team"
kind = "people"
patience_s = 60
"""


def load(tmp_path: Path, text: str) -> dict[str, AnyModel]:
    path = tmp_path / "models.toml"
    path.write_text(text)
    return load_models(path)


def test_models_are_read_by_name(tmp_path: Path) -> None:
    models = load(tmp_path, WHOLE)
    assert list(models) == ["small", "free", "team"]
    small, free, team = models.values()
    assert isinstance(small, Model)
    assert isinstance(free, Model)
    assert (small.price_out, small.priced, free.priced) == (600_000, True, False)
    assert team == People(name="team", kind="people", patience_s=60)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("max_tokens", "max_token"), "unknown key 'models.0.max_token'"),
        (("price_out = 600_000", ""), "price_in and price_out go together"),
        (("max_tokens = 1000", "max_tokens = 0"), "models.0.max_tokens: Input should be greater"),
        (("price_in = 150_000", "price_in = 0.15"), "models.0.price_in"),
        (("http://127.0.0.1:9/v1", "127.0.0.1:9"), "models.0.base_url"),
        (('"free"', '"small"'), "used twice: small"),
        (('model = "scripted-free"', ""), "models.1.model is missing"),
        (("[[models]]", "[[model]]"), "unknown key 'model'"),
        (('"people"', '"robots"'), "models.2.kind: expected 'endpoint' or 'people'; got 'robots'"),
        (
            ("patience_s = 60", "timeout_s = 60"),
            "unknown key 'models.2.timeout_s'; remove it or correct its name. A [[models]] "
            "table may hold: name, kind, patience_s",
        ),
        (("patience_s = 60", "patience_s = 0"), "models.2.patience_s: Input should be greater"),
        (("[[models]]", "[[models"), "not valid TOML"),
    ],
)
def test_every_flaw_of_the_file_is_named(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(ModelsError) as raised:
        load(tmp_path, WHOLE.replace(*change))
    assert complaint in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"nowhere\.toml.*correct GALAPAGOS_MODELS"):
        load_models(tmp_path / "nowhere.toml")


def test_a_missing_key_names_its_variable(tmp_path: Path) -> None:
    models = load(tmp_path, WHOLE)
    small, free = models["small"], models["free"]
    assert isinstance(small, Model)
    assert isinstance(free, Model)
    assert small.key({"SMALL_KEY": " k \n"}) == "k"
    assert free.key({}) is None
    for environment in ({}, {"SMALL_KEY": " "}):
        with pytest.raises(ModelsError, match="needs the environment variable SMALL_KEY"):
            small.key(environment)


def test_a_file_without_models_configures_none(tmp_path: Path) -> None:
    assert load(tmp_path, "# none yet\n") == {}


def test_keys_may_lie_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "SMALL_KEY").write_text("from a file\n")
    (tmp_path / "OTHER_KEY").write_text("other")
    assert keys_in(tmp_path, {"OTHER_KEY": "given"}) == {"SMALL_KEY": "from a file", "OTHER_KEY": "given"}
    assert keys_in(None, {"OTHER_KEY": "given"}) == {"OTHER_KEY": "given"}
    with pytest.raises(ModelsError, match="correct GALAPAGOS_MODEL_KEYS"):
        keys_in(tmp_path / "nowhere", {})


def test_a_run_names_configured_models_with_a_price_where_money_is_limited(tmp_path: Path) -> None:
    models = load(tmp_path, WHOLE)
    assert chosen(models, ["free", "small"], money_limited=False) == [models["free"], models["small"]]
    assert chosen(models, ["small", "team"], money_limited=True) == [models["small"], models["team"]]
    with pytest.raises(ModelsError, match="'free' has no price"):
        chosen(models, ["free"], money_limited=True)
    with pytest.raises(ModelsError, match="no model named 'big' is configured; configured: small, free"):
        chosen(models, ["big"], money_limited=False)


def priced(price_in: int, price_out: int, max_tokens: int = 10) -> Model:
    return Model(name="m", base_url="http://h", model="m", price_in=price_in, price_out=price_out, max_tokens=max_tokens)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**6), st.integers(0, 10**6))
def test_money_is_exact_and_rounded_up_once(price_in: int, price_out: int, tokens_in: int, tokens_out: int) -> None:
    exact = price_in * tokens_in + price_out * tokens_out
    cost = priced(price_in, price_out).cost(tokens_in, tokens_out)
    assert exact <= cost * 1_000_000 < exact + 1_000_000


@given(st.lists(st.text(max_size=30), min_size=1, max_size=3), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 99))
def test_no_usage_within_the_limits_costs_more_than_the_worst_case(
    texts: list[str], price_in: int, price_out: int, max_tokens: int
) -> None:
    model = priced(price_in, price_out, max_tokens)
    worst = model.worst_case(Message(role="user", content=text) for text in texts)
    tokens = sum(len(text.encode()) + 16 for text in texts)
    assert worst == model.cost(tokens, max_tokens)
    assert model.cost(tokens - 1, max_tokens) <= worst


def test_the_worst_case_by_hand() -> None:
    # ("aé" is 3 bytes) + 16 = 19 tokens at 2 micro-dollars each, and 10 at 3.
    assert priced(2_000_000, 3_000_000).worst_case([Message(role="user", content="aé")]) == 19 * 2 + 10 * 3


def test_people_leave_room_for_whatever_else_a_run_can_ask(tmp_path: Path) -> None:
    models = load(tmp_path, WHOLE)
    team, small = ModelChoice(name="team"), ModelChoice(name="small")
    bounded = team.model_copy(update={"in_flight": 5})
    found = [
        leaving_room(RunConfig(in_flight=11, mutate=mutate, models=asked), models).models
        for mutate, asked in [(True, (team,)), (False, (small, team)), (False, (team,)), (True, (bounded,))]
    ]
    assert found == [(bounded,), (small, bounded), (team,), (bounded,)]
    wished = ModelChoice(name="team", in_flight=9)
    assert leaving_room(RunConfig(models=(wished,)), models).models == (wished,)
