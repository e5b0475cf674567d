"""Every provider, through LiteLLM's SDK. The only module that imports it.

LiteLLM builds the request, knows where it goes and what its refusals mean. The answer is read before its
`CustomStreamWrapper` gets it: that takes `<s>` and other tags out of the text, fails an answer that repeats a
word a hundred times, invents a finish when there was none, counts tokens after the last one (up to 0.9 s), and
costs most. Per chunk, measured over HTTP on one core: wrapper 315-370 µs; LiteLLM's own readers without it,
Anthropic 49, Gemini 95, Ollama 15; OpenAI-shaped streams, which `sse` reads instead of the SDK, 91 before and
14 now. Sources LiteLLM does not hand out as chunks (a few providers with their own SDK) still go through it.

Each call runs in a task of its own (`calls`); closing it is seen by the provider after 1 ms, 20 ms at worst.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import warnings
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import httpx
from django.conf import settings

from config.errors import AppError, ProviderBroken
from providers import catalog, failures, prompts, sse, wire
from providers.base import ModelRequest
from providers.calls import Call
from providers.chunks import from_ollama
from providers.events import Event
from providers.specs import ModelSpec

logger = logging.getLogger(__name__)

# The run engine keeps time; these only end what it would not see, in seconds.
_TIMEOUT: Final = httpx.Timeout(1800, connect=10, pool=10)

_lock = threading.Lock()
_loaded: Any = None
# Streams of OpenAI's SDK, and LiteLLM's own readers, which give chunks that need no wrapper.
_sdk: Any = ()
_plain: Any = ()


def load() -> Any:
    """LiteLLM, imported once, made quiet and rehearsed. Takes seconds the first time: never on the loop's thread."""
    global _loaded
    with _lock:
        if _loaded is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Deprecations inside it are not ours.
                litellm = _import()
                asyncio.run(_rehearse(litellm))
            _loaded = litellm
    return _loaded


def warm() -> None:
    """`load` ahead of the first question. For a background thread, once the server listens; never fails."""
    try:
        load()
    except Exception:  # The first call tries again, and says so.
        logger.exception("LiteLLM cannot be loaded")


class LiteLLMProvider:
    async def stream(self, request: ModelRequest) -> AsyncIterator[Sequence[Event]]:
        call = Call(request, _source, _explained)
        try:
            while batch := await call.take():
                yield batch
        finally:
            await call.close()


async def _source(request: ModelRequest) -> AsyncIterator[Any]:
    """The provider's chunks. LiteLLM's own wrapper is only used where it alone can read them."""
    litellm = _loaded or await asyncio.to_thread(load)
    wrapper = await litellm.acompletion(**_arguments(request))
    stream: Any = await wrapper.fetch_stream() if wrapper.completion_stream is None else wrapper.completion_stream
    if isinstance(stream, _sdk):
        return sse.chunks(stream.response)
    if isinstance(stream, _plain):
        return aiter(stream)
    return _wrapped(wrapper)


async def _wrapped(wrapper: Any) -> AsyncIterator[Any]:
    """What only LiteLLM's wrapper can read, without the finish and the usage that it makes up."""
    async for chunk in wrapper:
        ends = bool(chunk.choices and chunk.choices[0].finish_reason)
        if ends and not (wrapper.received_finish_reason or wrapper.intermittent_finish_reason):
            return
        yield chunk
        if ends:
            yield {"usage": next((c.usage for c in reversed(wrapper.chunks) if getattr(c, "usage", None)), None)}
            return


def _arguments(request: ModelRequest) -> dict[str, Any]:
    spec, options = request.model, request.options
    arguments: dict[str, Any] = {
        "model": f"ollama_chat/{spec.id.partition('/')[2]}" if spec.local else spec.id,
        "messages": prompts.messages(request),
        "stream": True,
        "stream_options": {"include_usage": True},
        # Always ours: without one LiteLLM takes the environment's, and would show it to any `api_base`.
        "api_key": request.api_key or catalog.key_of(spec) or "none",
        "api_base": spec.api_base or (settings.OLLAMA_URL if spec.local else None),
        "timeout": _TIMEOUT,
        "num_retries": 0,
        "max_retries": 0,
        "drop_params": True,
        "_skip_mcp_handler": True,  # With tools it would import a package that is not there.
        "user": request.user or None,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "reasoning_effort": options.reasoning_effort if spec.can("reasoning") else None,
        "tools": prompts.tools(request) or None,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _explained(exc: Exception, spec: ModelSpec) -> Exception:
    """A provider's raw error as LiteLLM's class for it, which knows that provider's words for "too long"."""
    told = isinstance(exc, AppError | httpx.HTTPError) or type(exc).__module__.startswith(("litellm.exc", "openai"))
    if told or _loaded is None or not hasattr(exc, "status_code"):
        return exc
    try:
        _loaded.exception_type(
            model=spec.id,
            custom_llm_provider=spec.provider,
            original_exception=exc,
            completion_kwargs={},
            extra_kwargs={},
        )
    except Exception as mapped:  # Raising is how it returns.
        return mapped
    return exc


def _import() -> Any:
    global _sdk, _plain
    # Otherwise it reads a .env file and fetches a price list from the internet.
    os.environ["LITELLM_MODE"] = "PRODUCTION"
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).disabled = True  # It logs prompts and answers; errors are ours to tell.
    import litellm as module
    import openai
    import openai.resources  # Otherwise its first call imports this, for 0.7 s on the loop's thread.
    from litellm.litellm_core_utils.core_helpers import _FINISH_REASON_MAP
    from litellm.llms.anthropic.chat.handler import ModelResponseIterator as AnthropicIterator
    from litellm.llms.base_llm.base_model_iterator import BaseModelResponseIterator
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
    from litellm.llms.ollama.chat.transformation import OllamaChatCompletionResponseIterator as OllamaIterator
    from litellm.llms.vertex_ai.gemini import vertex_and_google_ai_studio_gemini as gemini

    litellm: Any = module
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.set_verbose = False
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    litellm.num_retries = 0
    litellm.drop_params = True
    # It counts tokens when there is a limit, for some models with a table that it would fetch from the internet.
    litellm.disable_hf_tokenizer_download = True
    litellm.modify_params = True  # Such as the tools Anthropic wants repeated when the last round offers none.
    litellm.callbacks = litellm.success_callback = litellm.failure_callback = litellm.input_callback = []
    litellm.disable_aiohttp_transport = True  # `wire` is one already, which we can close and which joins reads.
    handler: Any = AsyncHTTPHandler
    handler.create_async_transport = staticmethod(_transport)
    _repair(BaseModelResponseIterator, OllamaIterator, gemini, _FINISH_REASON_MAP)
    _sdk = (openai.AsyncStream,)
    _plain = (BaseModelResponseIterator, AnthropicIterator, gemini.ModelResponseIterator)
    return litellm


def _transport(ssl_context: Any = None, ssl_verify: bool | None = None, shared_session: Any = None) -> wire.Transport:
    return wire.Transport(verify=ssl_context if ssl_context is not None else ssl_verify is not False)


def _repair(base_iterator: Any, ollama_iterator: Any, gemini: Any, finishes: Any) -> None:
    """What LiteLLM's readers of streams get wrong; the contract tests fail when a repair is lost or needless."""

    def line(iterator: Any, str_line: str) -> Any:
        # It ended an answer whose text says "[DONE]", and skipped what it could not read.
        data = str_line.strip().removeprefix("data:").strip()
        if data == "[DONE]" or str_line.startswith((":", "event:", "id:", "retry:")):
            return {}
        try:
            return iterator.chunk_parser(chunk=json.loads(data))
        except json.JSONDecodeError as exc:
            raise ProviderBroken(failures.SURFACE) from exc

    base_iterator._handle_string_chunk = line
    ollama_iterator.chunk_parser = lambda iterator, chunk: from_ollama(chunk)

    # A full context window was an ordinary end.
    finishes["model_context_window_exceeded"] = "length"

    # It gave every chunk of Gemini the finish "stop", so that a broken answer looked complete.
    finish = gemini.VertexGeminiConfig._check_finish_reason
    gemini.VertexGeminiConfig._check_finish_reason = staticmethod(
        lambda chat_completion_message, finish_reason: (
            finish(chat_completion_message, finish_reason) if finish_reason else None
        )
    )
    # It took a comment that keeps the connection alive for the beginning of a chunk.
    parse = gemini.ModelResponseIterator._common_chunk_parsing_logic
    gemini.ModelResponseIterator._common_chunk_parsing_logic = lambda iterator, chunk: (
        None if chunk.startswith(":") else parse(iterator, chunk)
    )


async def _rehearse(litellm: Any) -> None:
    """One call that reaches nobody: what LiteLLM builds at its first call is then there."""
    prompt = [{"role": "user", "content": "x"}]
    stream = await litellm.acompletion(model="openai/x", messages=prompt, mock_response="x", stream=True)
    async for _ in stream:
        break
