"""What every way to a real provider promises, against the witness: real HTTP, four shapes, every fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from config import errors
from providers.base import Image, PromptMessage
from providers.events import ToolCall, clean
from providers.specs import ModelSpec
from tests.providers.conftest import ROUTES, WEATHER, Answer, collect, provider_name, provider_on, request_for
from tests.witness import GIANT, expected_content, expected_reasoning
from tests.witness.client import WitnessClient
from tests.witness.shapes.gemini import SIGNATURE

Spec = Callable[[str, str], ModelSpec]

pytestmark = pytest.mark.once
on_every_route = pytest.mark.parametrize("route", ROUTES)


async def ask(route: str, spec: ModelSpec, *messages: PromptMessage | str, **options: Any) -> Answer:
    return await collect(provider_on(route).stream(request_for(spec, *messages, **options)))


# --- What was said ---------------------------------------------------------------------------------


@on_every_route
@pytest.mark.parametrize(
    "behaviour",
    [
        "w-tokens300",
        "w-unicode-tokens60",
        "w-unicode-tokens40-bytes1",
        "w-unicode-bytes7-crlf",
        "w-markdown",
        "w-hostile",
        "w-nulls",
        "w-comments",
        "w-tokens30-giant9",
        "w-tokens40-chars1",
        "w-nodone-nousage-length",
        "w-late",
        "w-doublefinish",
        "w-empty",
    ],
)
async def test_the_text_is_what_the_provider_sent(route: str, behaviour: str, spec_for: Spec) -> None:
    if "ollama" in route and "nodone" in behaviour:
        behaviour = behaviour.replace("-nodone", "")  # there it is the finish that would be missing
    answer = await ask(route, spec_for(route, behaviour))
    assert answer.error is None
    assert answer.text == clean(expected_content(behaviour)).removesuffix("LATE ")
    assert answer.finish == ("length" if "length" in behaviour else "stop")


@on_every_route
async def test_text_that_libraries_trip_over_arrives_whole(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    # Special tokens, the end mark of a stream, one word over and over, line separators, mentioned tags.
    text = "<s>struck</s> data: [DONE] <|im_end|> `<think>` \u2028\u0085 " + "ha " * 150 + "end"
    witness.script(f"w-odd-{route}".replace("-odd", ""), [{"text": text}])
    answer = await ask(route, spec_for(route, f"w-{route}"))
    assert answer.text == text


@on_every_route
@pytest.mark.parametrize(
    "behaviour", ["w-reason20-tokens30", "w-reason20-tokens30-think", "w-reason9-tokens9-think-bytes1"]
)
async def test_reasoning_stands_apart_wherever_the_provider_puts_it(route: str, behaviour: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, behaviour))
    assert answer.reasoning.strip() == expected_reasoning(behaviour).strip()
    assert answer.text.strip().endswith(f"t00{'09' if 'tokens9' in behaviour else '30'}")
    assert "r0" not in answer.text
    assert "think" not in answer.text + answer.reasoning


@on_every_route
async def test_tokens_arrive_while_the_provider_speaks(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-tokens20-rate25"))
    assert answer.batches >= 5  # 20 on an idle machine, fewer when it is busy, one if they were held back


# --- Tools and pictures ----------------------------------------------------------------------------


@on_every_route
@pytest.mark.parametrize("number", [1, 3, 100])
async def test_calls_are_complete_and_have_ids_of_their_own(route: str, number: int, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, f"w-tools{number}"), tools=[WEATHER])
    assert [call.name for call in answer.calls] == ["get_weather"] * number
    assert all("city" in json.loads(call.arguments) for call in answer.calls)
    assert len({call.id for call in answer.calls}) == number
    assert answer.finish == "tool_calls"


@on_every_route
async def test_a_result_goes_back_to_the_provider(route: str, spec_for: Spec) -> None:
    spec = spec_for(route, "w-tools1-tokens5")
    [call] = (await ask(route, spec, "Weather?", tools=[WEATHER])).calls
    told = PromptMessage("assistant", "", tool_calls=[call])
    result = PromptMessage("tool", "18 degrees", tool_call_id=call.id)
    answer = await ask(route, spec, "Weather?", told, result, tools=[WEATHER])
    assert answer.calls == []
    assert answer.text
    assert answer.finish == "stop"


@pytest.mark.parametrize("route", ["gemini", "direct_gemini"])
async def test_what_a_call_was_signed_with_goes_back(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    spec = spec_for(route, f"w-tools2-tag{sorted(ROUTES).index(route) + 121}")
    calls = (await ask(route, spec, tools=[WEATHER])).calls
    told = PromptMessage("assistant", "", tool_calls=calls)
    results = [PromptMessage("tool", "18 degrees", tool_call_id=call.id) for call in calls]
    await ask(route, spec, "Weather?", told, *results, tools=[WEATHER])
    body = json.dumps(witness.requests(model=spec.id.partition("/")[2])[-1].body)
    assert [body.count(f'"{word}"') for word in (SIGNATURE, "call_0_0", "call_0_1")] == [1, 2, 2]


@on_every_route
async def test_malformed_arguments_are_handed_on_and_do_not_break_the_next_round(route: str, spec_for: Spec) -> None:
    spec = spec_for(route, "w-tools1-badjson")
    [call] = (await ask(route, spec, tools=[WEATHER])).calls
    assert "celsius,," in call.arguments
    told = PromptMessage("assistant", "", tool_calls=[call])
    result = PromptMessage("tool", "not JSON", tool_call_id=call.id)
    assert (await ask(route, spec, "Weather?", told, result, tools=[WEATHER])).error is None


@on_every_route
async def test_a_call_cut_by_the_token_limit_says_so(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-tools1-half"), tools=[WEATHER])
    assert answer.finish == "length"


@on_every_route
async def test_a_round_without_tools_may_follow_one_with_tools(route: str, spec_for: Spec) -> None:
    told = PromptMessage("assistant", "", tool_calls=[ToolCall("call_1", "get_weather", '{"city": "Paris"}')])
    result = PromptMessage("tool", "18 degrees", tool_call_id="call_1")
    assert (await ask(route, spec_for(route, "w-tokens5"), "Weather?", told, result)).error is None


@on_every_route
async def test_a_picture_reaches_the_provider(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    picture = Image(b"\x89PNG\r\n\x1a\n12345", "image/png")
    answer = await ask(
        route, spec_for(route, "w-tokens3"), PromptMessage("user", "What is it?", images=[picture]), user=f"pic-{route}"
    )
    assert answer.error is None
    sent = [record for record in witness.requests(model="w-tokens3") if "iVBORw0KGgoxMjM0NQ" in json.dumps(record.body)]
    assert any(record.shape == provider_name(route).partition("_")[0] for record in sent)


# --- How it ends -----------------------------------------------------------------------------------


@on_every_route
@pytest.mark.parametrize(
    ("behaviour", "finish"),
    [
        ("w-length", "length"),
        ("w-filter", "content_filter"),
        ("w-blocked", "content_filter"),
        ("w-toolcalls", "stop"),
    ],
)
async def test_the_finish_has_one_vocabulary(route: str, behaviour: str, finish: str, spec_for: Spec) -> None:
    if "ollama" in route and finish == "content_filter":
        finish = "stop"  # it has no filter
    assert (await ask(route, spec_for(route, behaviour))).finish == finish


@on_every_route
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("w-tokens20-eof7", errors.ProviderBroken),
        ("w-tokens20-cut7", errors.ProviderBroken),
        ("w-tokens20-reset7", errors.ProviderBroken),
        ("w-tokens20-garbage7", errors.ProviderBroken),
        ("w-tokens20-error7", errors.ProviderUnavailable),
    ],
)
async def test_what_was_said_before_a_fault_is_kept(
    route: str, behaviour: str, kind: type[errors.AppError], spec_for: Spec
) -> None:
    answer = await ask(route, spec_for(route, behaviour))
    assert type(answer.error) is kind
    assert answer.text.split() == [f"t{n:04d}" for n in range(1, 8)]
    assert answer.finish is None


@on_every_route
async def test_a_half_tag_before_a_fault_is_kept(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    name = f"w-tag{sorted(ROUTES).index(route) + 21}"
    witness.script(name, [{"behaviour": "w-eof3", "text": "is 1 <thi"}])
    answer = await ask(route, spec_for(route, name))
    assert isinstance(answer.error, errors.ProviderBroken)
    assert answer.text == "is 1 <thi"


@on_every_route
@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("w-http400", errors.ProviderRejected),
        ("w-http401", errors.ProviderAuth),
        ("w-http403", errors.ProviderAuth),
        ("w-http404", errors.ProviderRejected),
        ("w-http429", errors.ProviderRateLimited),
        ("w-http500", errors.ProviderUnavailable),
        ("w-http503", errors.ProviderUnavailable),
        ("w-http529", errors.ProviderUnavailable),
        ("w-http302", errors.ProviderRejected),
        ("w-context", errors.ContextTooLong),
        ("w-html", errors.ProviderBroken),
        ("w-reset0", errors.ProviderUnavailable),
        ("w-eof0", errors.ProviderBroken),
    ],
)
async def test_a_refusal_has_its_code(route: str, behaviour: str, kind: type[errors.AppError], spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, behaviour))
    assert type(answer.error) is kind
    assert answer.text == ""


@pytest.mark.parametrize("route", [route for route in ROUTES if "ollama" not in route])
async def test_an_empty_account_is_told_from_too_many_requests(route: str, spec_for: Spec) -> None:
    assert isinstance((await ask(route, spec_for(route, "w-quota"))).error, errors.ProviderCredit)


@on_every_route
async def test_retry_after_is_passed_on(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-http429-retry7"))
    assert answer.error is not None
    assert answer.error.details == {"retry_after_s": 7}


@on_every_route
async def test_a_provider_that_cannot_be_reached_is_unavailable(route: str, litellm: Any) -> None:
    spec = ModelSpec(f"{provider_name(route)}/x", "X", api_base="http://127.0.0.1:1" + ROUTES[route])
    assert isinstance((await ask(route, spec)).error, errors.ProviderUnavailable)


@on_every_route
async def test_one_refusal_is_one_request(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    behaviour = f"w-http500-tag{sorted(ROUTES).index(route) + 41}"
    await ask(route, spec_for(route, behaviour))
    assert len(witness.requests(model=behaviour)) == 1


@on_every_route
async def test_a_refused_key_is_not_repeated(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-http401"), api_key="sk-bad-verysecretkey")
    assert answer.error is not None
    assert "verysecret" not in f"{answer.error} {answer.error.context} {answer.error.details}"


# --- Usage -----------------------------------------------------------------------------------------


@on_every_route
async def test_reported_usage_is_exact(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-tokens50-input123"))
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output, answer.usage.source) == (123, 50, "reported")


@on_every_route
async def test_a_doubled_usage_counts_once(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-tokens50-input123-doubleusage"))
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output) == (123, 50)


@pytest.mark.parametrize("route", [route for route in ROUTES if "ollama" not in route])
async def test_cached_tokens_are_part_of_the_input(route: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, "w-tokens5-input100-cached60"))
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.cached) == (100, 60)


@on_every_route
@pytest.mark.parametrize("fault", ["nousage", "zerousage", "negusage"])
async def test_missing_or_impossible_usage_is_estimated(route: str, fault: str, spec_for: Spec) -> None:
    answer = await ask(route, spec_for(route, f"w-markdown-{fault}"))
    assert answer.usage is not None
    assert answer.usage.source == "estimated"
    assert answer.usage.input > 0
    assert answer.usage.output > 50


# --- Keys ------------------------------------------------------------------------------------------


@on_every_route
async def test_the_house_key_does_not_go_to_a_foreign_address(
    route: str, spec_for: Spec, witness: WitnessClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PROVIDER_KEYS = dict.fromkeys(map(provider_name, ROUTES), "sk-house-secret")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OLLAMA_API_KEY"):
        monkeypatch.setenv(name, "sk-house-secret")
    behaviour = f"w-tokens2-tag{sorted(ROUTES).index(route) + 61}"
    await ask(route, spec_for(route, behaviour))
    [record] = witness.requests(model=behaviour)
    assert "sk-house-secret" not in json.dumps(record.dump())


@on_every_route
async def test_an_own_key_is_the_one_that_is_used(route: str, spec_for: Spec, witness: WitnessClient) -> None:
    behaviour = f"w-tokens2-tag{sorted(ROUTES).index(route) + 81}"
    await ask(route, spec_for(route, behaviour), api_key="sk-own-key")
    [record] = witness.requests(model=behaviour)
    assert record.key == "sk-own-key"


def test_giant_is_bigger_than_one_read() -> None:
    assert len(GIANT) > 1 << 20
