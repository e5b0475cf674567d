"""What the demo member has talked about: one chat for each thing worth seeing first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Answer:
    model: str
    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class DemoChat:
    """`key` names the chat for good; `age` is how long ago it began."""

    key: str
    title: str
    age: timedelta
    turns: tuple[tuple[str, tuple[Answer, ...]], ...]


WELCOME = """\
Welcome. Three things to try:

1. **Ask something.** The answer appears as it is written. Reload the page in the middle: it goes on where it was.
2. **Compare.** Choose a second model beside the message box, and the next question is answered by both, side by side.
3. **Stop and go on.** What was written until then is kept.

The models named *Demo* run without any provider and are not an AI. Put a key such as `OPENAI_API_KEY` into the
environment and the real ones appear in the list."""

KEYBOARD = """\
| Key | What it does |
| --- | --- |
| <kbd>Enter</kbd> | sends |
| <kbd>Shift</kbd> + <kbd>Enter</kbd> | breaks the line |
| <kbd>Esc</kbd> | stops what is being written |"""

RECURSION_SHORT = """\
Imagine you want to know how many people stand in front of you in a queue, and you cannot see past the next one.
You ask her: *how many are in front of you?* She asks the one before her, and so on. The first one says **zero**.
Then the answer comes back, and everybody adds one.

That is recursion: the same question, a little smaller every time, until it is so small that the answer is obvious."""

RECURSION_LONG = """\
Open a set of **nesting dolls**. Inside each doll is the same doll, only smaller, and at the very end there is one that
does not open. To count them all:

```python
def dolls(doll):
    if doll.inside is None:      # the one that does not open
        return 1
    return 1 + dolls(doll.inside)
```

Two rules make it work, and both are needed:

- every step is *smaller* than the one before,
- there is a *last* one.

Forget the second rule and you would be opening dolls for ever."""

RECURSION_THOUGHT = """\
A child of ten knows queues, mirrors, nesting dolls. Mirrors never end, which is exactly what recursion must not do.
Dolls end, and each one looks like the whole. I will take the dolls, show the code once, and name the two rules."""

SORTING = """\
For almost everything: the one your language brings. In Python `sorted` is Timsort, stable and $O(n \\log n)$, and it
is linear on data that is nearly in order.

| Situation | Choose | Why |
| --- | --- | --- |
| general | built-in sort | tuned for years |
| small integers | counting sort | $O(n + k)$, no comparisons |
| larger than memory | external merge sort | reads and writes in order |
| only the ten largest | a heap | $O(n \\log 10)$ |

```python
import heapq

largest = heapq.nlargest(10, numbers)
```"""

STABLE = """\
That two rows which compare as equal stay in the order they had. So you can sort by name first and by city afterwards,
and within each city the names are still in order:

```python
people.sort(key=lambda p: p.name)
people.sort(key=lambda p: p.city)
```"""

CHATS = (
    DemoChat(
        key="welcome",
        title="First steps",
        age=timedelta(hours=1),
        turns=(
            ("What can I do here?", (Answer("demo", WELCOME),)),
            ("And with the keyboard?", (Answer("demo", KEYBOARD),)),
        ),
    ),
    DemoChat(
        key="recursion",
        title="Recursion for a ten-year-old",
        age=timedelta(days=1, hours=2),
        turns=(
            (
                "Explain recursion to a ten-year-old.",
                (Answer("demo", RECURSION_SHORT), Answer("demo/reason", RECURSION_LONG, reasoning=RECURSION_THOUGHT)),
            ),
        ),
    ),
    DemoChat(
        key="sorting",
        title="Which sorting algorithm?",
        age=timedelta(days=4),
        turns=(
            ("Which sorting algorithm should I use?", (Answer("demo", SORTING),)),
            ("What does stable mean?", (Answer("demo", STABLE),)),
        ),
    ),
)
