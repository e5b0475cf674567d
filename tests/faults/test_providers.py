"""Everything a provider can do wrong, through the whole engine: the person sees the truth and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from providers.events import clean
from tests.faults.invariants import check_invariants
from tests.faults.models import KEY, openai, route
from tests.faults.people import people
from tests.faults.reader import Heard, Reader
from tests.faults.stack import Stack
from tests.witness import Record, expected_text
from tests.witness.client import WitnessClient

pytestmark = pytest.mark.usefixtures("db")
MODELS_A_PERSON: Final = 6
NOWHERE: Final = "http://127.0.0.1:9/v1"


@dataclass(frozen=True, slots=True)
class Case:
    """What a person is told: the status, the text (None: any prefix of what was sent), the error's reasons."""

    model: str
    status: str = "complete"
    text: str | None = ""
    reasons: tuple[str, ...] = ()
    finish: str = "stop"


def answers(behaviour: str, **fields: Any) -> Case:
    """Answers in full, whatever happened on the way."""
    return Case(openai(behaviour), text=clean(expected_text(behaviour)), **fields)


def fails(behaviour: str, *reasons: str, text: str | None = "", at: str = "") -> Case:
    return Case(openai(behaviour, at=at), "failed", text, reasons, finish="error")


CASES: Final[dict[str, Case]] = {
    "429 with Retry-After, then an answer": answers("w-http429-retry1-times1-tokens10"),
    "429 for ever": fails("w-http429", "provider_rate_limited"),
    "429 with a Retry-After of an hour": fails("w-http429-retry3600", "provider_rate_limited"),
    "500, then an answer": answers("w-http500-times1-tokens10"),
    "503 for ever": fails("w-http503", "provider_unavailable"),
    "another model takes over": Case(
        openai("w-http503-tag1", fallbacks=(openai("w-tokens7-tag2"),)), text=expected_text("w-tokens7-tag2")
    ),
    "refused": fails("w-tokens1", "provider_unavailable", at=NOWHERE),
    "no such host": fails("w-tokens2", "provider_unavailable", at="http://no-such-host.invalid/v1"),
    "no TLS where it should be": fails("w-tokens3", "provider_unavailable", at="https://{host}/v1"),
    "hangs before the headers": fails("w-hang", "provider_timeout"),
    "hangs before the first token": fails("w-mute", "provider_timeout"),
    "stalls": fails("w-tokens20-stall10", "provider_timeout", text=expected_text("w-tokens20-stall10")),
    "resets the connection": fails("w-tokens20-reset10-rate50", "provider_broken", "provider_unavailable", text=None),
    "closes it in the middle": fails("w-tokens20-cut10-rate50", "provider_broken", "provider_unavailable", text=None),
    "ends without a finish": fails("w-tokens20-eof10", "provider_broken", text=expected_text("w-tokens20-eof10")),
    "ends with an error": fails("w-tokens20-error10", "provider_broken", "provider_unavailable", text=None),
    "malformed JSON on the way": Case(openai("w-tokens20-garbage10"), text=None, status="either"),
    "split in every byte": answers("w-unicode-tokens30-bytes1"),
    "split inside characters, CRLF": answers("w-unicode-tokens30-bytes7-crlf"),
    "comments": answers("w-tokens20-comments"),
    "a giant chunk": answers("w-tokens20-giant9"),
    "one byte a second": fails("w-tokens20-drip", "provider_timeout"),
    "empty": fails("w-empty", "empty_answer"),
    "no usage": answers("w-tokens11-nousage"),
    "usage of zeros": answers("w-tokens11-zerousage"),
    "negative usage": answers("w-tokens11-negusage"),
    "usage twice": answers("w-tokens11-doubleusage"),
    "NUL and lone surrogates": answers("w-nulls-tokens40"),
    "HTML with status 200": fails("w-html", "provider_broken", "provider_unavailable", "provider_rejected"),
    "401 that echoes the key": fails("w-http401", "provider_auth"),
    "context too long": fails("w-context", "context_too_long"),
    "no credit": fails("w-quota", "provider_credit"),
    "the connection stays open after the finish": answers("w-tokens12-linger"),
    "no closing mark": answers("w-tokens12-nodone"),
    "two finishes": answers("w-tokens12-doublefinish"),
    "cut by length": answers("w-tokens12-length", finish="length"),
    "cut by a filter": answers("w-tokens12-filter", finish="content_filter"),
    "a finish of tool calls without a call": answers("w-tokens12-toolcalls"),
    "arguments that are no JSON": Case(openai("w-tools-badjson-tokens5"), text=None),
    "a tool that does not exist": Case(openai("w-unknown-tokens5"), text=None),
    "arguments that stop in the middle": Case(openai("w-tools-half-tokens5"), text=None, finish="any", status="either"),
    "a hundred calls at once": Case(openai("w-tools100-tokens5"), text=None),
    "calls for ever": Case(openai("w-endless"), text=None, status="either", finish="any"),
    **{
        f"{name}: {what}": Case(
            route(name, behaviour), status, clean(expected_text(behaviour)), reasons, "stop" if not reasons else "error"
        )
        for name in ("anthropic", "gemini", "ollama_chat")
        for what, behaviour, status, reasons in (
            ("answers", "w-tokens25", "complete", ()),
            ("stalls", "w-tokens20-stall10", "failed", ("provider_timeout",)),
            ("ends without a finish", "w-tokens20-eof10", "failed", ("provider_broken",)),
            ("500, then an answer", "w-http500-times1-tokens10", "complete", ()),
        )
    },
}


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one case."""

    heard: Heard
    records: list[Record]


@pytest.fixture(scope="module")
def told(site: Stack, witness: WitnessClient) -> Callable[[str], Told]:
    """All cases are asked at once: most of them wait for something."""
    site.ensure()
    found = asyncio.run(_ask_all(site, witness))
    return found.__getitem__


async def _ask_all(stack: Stack, witness: WitnessClient) -> dict[str, Told]:
    names = list(CASES)
    async with AsyncExitStack() as exits:
        readers: list[Reader] = []
        runs: dict[str, tuple[Reader, str]] = {}
        for number, person in enumerate(await people(-(-len(names) // MODELS_A_PERSON))):
            reader = await exits.enter_async_context(Reader(stack.addresses, person))
            readers.append(reader)
            for name in names[number * MODELS_A_PERSON : (number + 1) * MODELS_A_PERSON]:
                runs[name] = (reader, (await reader.ask(CASES[name].model))["runs"][0]["id"])
        told = {}
        for name, (reader, run) in runs.items():
            heard = await reader.over(run, 100)
            told[name] = Told(heard, witness.requests(marker=reader.prompts[run]))
        await check_invariants(stack, witness, *readers)
        return told


@pytest.mark.parametrize("name", CASES)
def test_a_person_is_told_the_truth(name: str, told: Callable[[str], Told]) -> None:
    case, heard = CASES[name], told(name).heard
    end = heard.end
    assert end["status"] == case.status or (case.status == "either" and end["status"] in ("complete", "failed"))
    if case.text is not None:
        assert heard.text == case.text
    if case.reasons:
        assert end["error"]["code"].partition(":")[0] in case.reasons
        assert end["error"]["message"]
        assert KEY not in end["error"]["message"]
    if case.finish != "any" and case.status != "either":
        assert end["finish_reason"] == case.finish


def test_the_faults_happened(told: Callable[[str], Told]) -> None:
    outcomes = {name: [record.outcome for record in told(name).records] for name in CASES}
    assert outcomes["429 with Retry-After, then an answer"] == ["refused", "finished"]
    assert outcomes["another model takes over"][-1] == "finished"
    assert len(outcomes["another model takes over"]) > 1
    assert outcomes["stalls"] == ["disconnected"]
    assert outcomes["resets the connection"] == ["reset"]
    assert outcomes["closes it in the middle"] == ["cut"]
    assert outcomes["ends without a finish"] == ["eof"]
    assert outcomes["hangs before the headers"][0] == "disconnected"
    assert outcomes["refused"] == []


def test_retry_after_is_waited_for(told: Callable[[str], Told]) -> None:
    refused, answered = told("429 with Retry-After, then an answer").records
    assert answered.started_at - refused.started_at >= 1


def test_somebody_who_may_wait_an_hour_is_not_asked_again(told: Callable[[str], Told]) -> None:
    assert len(told("429 with a Retry-After of an hour").records) == 1


@pytest.mark.parametrize("name", ["no usage", "usage of zeros", "negative usage", "usage twice"])
def test_tokens_are_never_negative_and_never_doubled(name: str, told: Callable[[str], Told]) -> None:
    tokens = told(name).heard.end["tokens"]
    assert tokens["input"] > 0
    # Words of the witness are three tokens for whoever has to estimate.
    assert tokens["output"] == 11 if name == "usage twice" else 11 <= tokens["output"] <= 44


def test_one_question_never_uses_more_tools_than_are_allowed(told: Callable[[str], Told]) -> None:
    hundred = told("a hundred calls at once").heard
    results = [event for _, _, event in hundred.events if event["type"] == "tool.result"]
    assert len(results) == 100
    assert len(told("calls for ever").records) <= 7
