import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from evolution.models import Message, Model
from tests.openai_server import Closes, Cuts, Hangs, OpenAiServer, Reply, Says, Sends, Status, serving
from workers.llm import Completed, Endpoint, Failed, Failure, Usage

PROMPT = [Message(role="system", content="Be brief."), Message(role="user", content="Say hello.")]


def model(base_url: str, **changes: Any) -> Model:
    return Model(**{"name": "m", "base_url": base_url, "model": "scripted", "max_tokens": 64, **changes})


async def ask(reply: Reply, key: str | None = None, **changes: Any) -> tuple[Completed | Failed, OpenAiServer]:
    async with OpenAiServer([reply]) as server:
        endpoint = Endpoint(model(server.base_url, **changes), key)
        try:
            return await endpoint.complete(PROMPT), server
        finally:
            await endpoint.close()


async def test_a_whole_answer_comes_with_usage_and_finish_reason() -> None:
    answer, server = await ask(Says("hello\nworld", usage=(12, 3), delay_s=0.2), key="secret-1", temperature=0.5)
    assert isinstance(answer, Completed)
    assert (answer.text, answer.finish_reason, answer.usage) == ("hello\nworld", "stop", Usage(12, 3))
    assert 0.2 <= answer.latency_s < 5
    assert server.keys == ["secret-1"]
    body = server.requests[0]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("scripted", 64, 0.5)
    assert body["messages"] == [message.model_dump() for message in PROMPT]


async def test_the_newer_name_of_the_token_limit_can_be_chosen() -> None:
    _, server = await ask(Says("hello"), answer_limit_field="max_completion_tokens")
    assert server.requests[0]["max_completion_tokens"] == 64
    assert {"max_tokens", "temperature"}.isdisjoint(server.requests[0])


@pytest.mark.parametrize(
    "usage",
    [
        None,
        (0, 0),
        (100, 0),
        (-5, 20),
        (10**12, 5),
        {"prompt_tokens": "many"},
        {"prompt_tokens": 1.5, "completion_tokens": 2},
        {},
    ],
)
async def test_usage_that_cannot_be_true_is_no_usage(usage: Any) -> None:
    answer, _ = await ask(Says("hello", usage=usage))
    assert isinstance(answer, Completed)
    assert answer.usage is None


async def test_an_answer_cut_at_the_limit_of_tokens_says_so() -> None:
    answer, _ = await ask(Says("hel", finish_reason="length"))
    assert isinstance(answer, Completed)
    assert answer.finish_reason == "length"


@pytest.mark.parametrize(
    ("reply", "failure", "detail"),
    [
        (Status(429), Failure.RATE_LIMITED, "HTTP 429"),
        (Status(500, message="overloaded"), Failure.SERVER_ERROR, "overloaded"),
        (Status(503), Failure.SERVER_ERROR, "HTTP 503"),
        (Status(401, message="wrong key"), Failure.REJECTED, "wrong key"),
        (Status(404), Failure.REJECTED, "HTTP 404"),
        (Hangs(), Failure.HUNG, "silent for 0.3 s"),
        (Hangs(after_text="hel"), Failure.HUNG, "silent for 0.3 s"),
        (Cuts("hel"), Failure.CUT, "the connection broke off"),
        (Cuts("hel", tidy=True), Failure.CUT, "ended after 3 characters without a finish reason"),
        (Says("hello", finish_reason=None), Failure.CUT, "without a finish reason"),
        (Closes(), Failure.CUT, "the connection broke off"),
        (Sends("data: {not json\n\n"), Failure.CUT, "the stream broke off"),
        (Sends('data: {"error": {"message": "too busy"}}\n\n'), Failure.CUT, "too busy"),
        (Sends("<html>"), Failure.CUT, "ended after 0 characters"),
        (Says(""), Failure.EMPTY, "the answer is empty: finish reason stop"),
        (Says("  \n", finish_reason="length"), Failure.EMPTY, "finish reason length"),
        (Says("he", finish_reason="content_filter"), Failure.FILTERED, "content filter"),
    ],
)
async def test_every_way_to_fail_is_told_apart(reply: Reply, failure: Failure, detail: str) -> None:
    answer, _ = await ask(reply, silence_timeout_s=0.3)
    assert isinstance(answer, Failed), answer
    assert answer.failure is failure
    assert detail in answer.detail


async def test_a_call_is_bounded_as_a_whole() -> None:
    answer, _ = await ask(Says("hello", delay_s=30), timeout_s=0.4)
    assert isinstance(answer, Failed)
    assert answer.failure is Failure.HUNG
    assert 0.4 <= answer.latency_s < 5


async def test_what_breaks_after_the_finish_reason_does_not_lose_the_answer() -> None:
    whole = 'data: {"id":"1","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}]}\n\ndata: {broken\n\n'
    answer, _ = await ask(Sends(whole))
    assert isinstance(answer, Completed)
    assert (answer.text, answer.usage) == ("hello", None)


async def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        endpoint = Endpoint(model(f"http://127.0.0.1:{held.getsockname()[1]}/v1"), None)
        answer = await endpoint.complete(PROMPT)
        await endpoint.close()
    assert isinstance(answer, Failed)
    assert answer.failure is Failure.UNREACHABLE


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        (format_datetime(datetime.now(UTC) + timedelta(hours=24), usegmt=True), 23 * 3600, 24 * 3600 + 1),
        (format_datetime(datetime.now(UTC) - timedelta(seconds=600), usegmt=True), 0, 0),
    ],
    ids=["seconds", "fraction", "negative", "date", "past_date"],
)
async def test_retry_after_is_read_as_seconds_or_date(header: str, low: float, high: float) -> None:
    answer, _ = await ask(Status(429, retry_after=header))
    assert isinstance(answer, Failed)
    assert answer.retry_after_s is not None
    assert low <= answer.retry_after_s <= high


@pytest.mark.parametrize("header", [None, "soon", "nan", "inf"])
async def test_an_unreadable_retry_after_is_none(header: str | None) -> None:
    answer, _ = await ask(Status(503, retry_after=header))
    assert isinstance(answer, Failed)
    assert answer.retry_after_s is None


async def test_the_server_also_serves_from_a_thread() -> None:
    with serving([Says("hello")]) as server:
        endpoint = Endpoint(model(server.base_url), None)
        started = time.monotonic()
        answer = await endpoint.complete(PROMPT)
        await endpoint.close()
    assert isinstance(answer, Completed)
    assert time.monotonic() - started < 5
