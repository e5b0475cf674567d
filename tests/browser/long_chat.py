"""A chat as long as anybody's: `python -m tests.browser.long_chat ada@example.org 1000` prints the id of a new one.

Run with the DATABASE_URL of the site that will show it.
"""

from __future__ import annotations

import os
import sys

import django

ANSWER = """## Part {number}

An answer with **emphasis**, a [link](https://example.org/{number}) and some `code`, as long as answers are:

| Step | Tokens | Price |
|:-----|-------:|------:|
| one  | {number} | $0.10 |
| two  |    300 | $0.20 |

```python
def part(number: int = {number}) -> str:
    return f"part {{number}} of a long talk"
```

1. First, a point that takes a line and a half, so that something has to wrap on most screens that people use.
2. Second, a shorter one.
"""


def main(email: str, rounds: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from accounts.models import User
    from chat.models import Chat, Message, Run
    from config.ids import uuid7

    owner = User.objects.get(email=email)
    chat = Chat.objects.create(tenant=owner.home, owner=owner, title="A very long talk")
    messages: list[Message] = []
    runs: list[Run] = []
    for number in range(1, rounds + 1):
        asked = Message(
            id=uuid7(),
            chat=chat,
            parent=messages[-1] if messages else None,
            role=Message.Role.USER,
            parts=[{"type": "text", "text": f"Question {number}?"}],
        )
        answer = Message(
            id=uuid7(),
            chat=chat,
            parent=asked,
            role=Message.Role.ASSISTANT,
            model="demo",
            parts=[{"type": "text", "text": ANSWER.format(number=number)}],
        )
        messages += [asked, answer]
        runs.append(
            Run(
                tenant=owner.home,
                owner=owner,
                message=answer,
                turn=asked.id,
                model="demo",
                provider="demo",
                status=Run.Status.COMPLETE,
                tokens_out=120,
                duration_ms=2000,
                ttft_ms=120,
                cost_nano=0,
            )
        )
    Message.objects.bulk_create(messages, batch_size=500)
    Run.objects.bulk_create(runs, batch_size=500)
    Chat.objects.filter(pk=chat.pk).update(head=messages[-1])
    print(chat.pk)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
