"""The witness: a model provider that does what a model's name says, and remembers what it did.

It speaks real HTTP in four shapes: OpenAI (`POST /v1/chat/completions`), Anthropic (`POST /v1/messages`), Gemini
(`POST /v1beta/models/{model}:streamGenerateContent` and `:generateContent`) and Ollama (`POST /api/chat`), streamed and
not, with the lists of models that clients ask for. Tests compare what a person sees with what the witness wrote.

    python -m tests.witness --port 0             a process; prints {"port": N} when it listens
    async with Witness() as w: ...               in the running loop
    with in_thread() as w: ...                   in a thread of its own
    tests.witness.fixtures.witness               the pytest fixture (a process, one for the session)

A name is read like this
------------------------
Only the part after the last slash counts. `w-` and options joined by `-`; an option is a word with or without a number:

    w-tokens300-rate50                    300 numbered tokens at 50 a second
    w-reason20-tokens100-rate20-stall40   20 tokens of reasoning, 20 of text, then silence for ever
    w-http429-retry2-times2               twice 429 with Retry-After: 2, then an answer
    w-tools2-reset0                       a TCP reset where two tool calls should come
    w-unicode-bytes1-crlf                 every byte in a write of its own

Options compose in any order. A name without `w-` is an ordinary model of 20 tokens; a misspelt option answers 400.

- What: `tokensN` `forever` `empty` `tagN` `charsN` `reasonN` `think` `obey`; kinds of text `numbered` `unicode`
  `markdown` `hostile` `nulls` `echo` `stamps`
- When: `rateN` (tokens/s, 0 = at once) `burstN` `waitMS` (before headers) `firstMS` (before the body)
- Cut: `bytesN` `drip` `comments` `crlf`
- Tools: `tools[N]` `roundsN` `endless` `badjson` `unknown` `half`. A question is answered by calls until their
  results are in the request, then by text that mentions them.
- End: `length` `filter` `blocked` `toolcalls` `doublefinish` `late` `nodone` `linger[MS]` `nousage` `zerousage`
  `negusage` `doubleusage` `inputN` `cachedN`
- Instead of an answer: `httpN` `retryN` `context` `quota` `html` `hang` `mute`
- After N tokens, or before the finish without N: `stall[N]` `pauseMS` `reset[N]` `cut[N]` `eof[N]` `error[N]`
  `garbage[N]` `giant[N]`. Reasoning counts first. At exactly the last token a fault comes before tool calls, with
  a higher N or none after them.
- `timesN`: refusals and faults only in the model's first N calls.

`behaviours.OPTIONS` says what each one does. A key that contains `-bad` is refused with 401, one with `-broke` has
no credit, whatever the model. Where a shape lacks a thing its nearest is sent: only Gemini says that a prompt was
blocked, the others end an empty answer with their filter; Ollama has no content filter, and no
finish at all under `nodone`; Gemini and Ollama send arguments as objects, so malformed ones arrive as text; Gemini
has no closing mark. Without streaming a fault tears the body in its middle, and the wire's options mean nothing.

What it remembers
-----------------
`requests(model=, user=, marker=, shape=, kind=)` gives `Record`s: headers, key, body, times, the exact text
handed to the connection, and how it ended. The same over HTTP, for any process:

    GET  /_witness/requests?model=&user=&marker=&shape=&kind=      {"requests": [...]}
    GET  /_witness/requests/{id}
    GET  /_witness/stats
    POST /_witness/reset[?disconnect]
    POST /_witness/script  {"model": "w-any", "responses": ["w-http500", {"behaviour": …, "text": …, "calls": […]},
                                                          {"raw": "data: …"}]}

`expected_text(name)` is what the name will say, as a pure function.
"""

from __future__ import annotations

from .behaviours import GrammarError, parse
from .parts import Answer
from .records import Record
from .server import Witness
from .texts import GIANT, expected_content, expected_reasoning, expected_text
from .threads import in_thread

__all__ = [
    "GIANT",
    "Answer",
    "GrammarError",
    "Record",
    "Witness",
    "expected_content",
    "expected_reasoning",
    "expected_text",
    "in_thread",
    "parse",
]
