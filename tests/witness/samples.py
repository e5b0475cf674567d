"""Texts that make trouble: for encodings, for renderers, for whoever trusts a model."""

from __future__ import annotations

from typing import Final

UNICODE: Final = (
    "Grüße",
    "世界",
    "👩\u200d👩\u200d👧\u200d👦",
    "مرحبا",
    "e\u0301",
    "नमस्ते",
    "🇩🇪",
    "𝕏²",
    "日本語。",
    "🏳️\u200d🌈",
    "ไทย",
    "ﷺ",
)
NULLS: Final = ("nul\x00", "high\ud83d", "low\ude00", "bell\x07", "esc\x1b[31m", "bom\ufeff", "line\u2028", "end\x7f")
MARKDOWN: Final = r"""# Heading

A paragraph with **bold**, *italic*, `code`, ~~struck~~ and a [link](https://example.org/a?b=1&c=2).

| Model | Tokens | Price |
|:------|-------:|:-----:|
| alpha |   1200 | $0.10 |
| beta  |    300 | a\|b  |

```python
def greet(name: str) -> str:
    return f"<b>Hello</b>, {name} & all"
```

1. first
   - nested
   - [x] done
2. second

> A quote
> of two lines.

Inline $e^{i\pi} + 1 = 0$ and

$$\int_0^1 x^2\,dx = \frac{1}{3}$$

---

Last line with `a | b` and 3 < 4 > 2.
"""
HOSTILE: Final = """<script>alert(document.cookie)</script>

<img src=x onerror="alert(1)"> <svg/onload=alert(1)> <iframe srcdoc="<script>alert(1)</script>"></iframe>

[click](javascript:alert(1)) [data](data:text/html,<script>alert(1)</script>) ![pixel](https://tracker.example/p.gif)

<a href="java&#115;cript:alert(1)" style="position:fixed;inset:0">x</a>
</div></main></body> <form action=//evil.example>

```html
</code></pre><script>alert(2)</script>
```

$\\href{javascript:alert(1)}{x}$ | <b>&lt;script&gt;</b> \u202egnp.exe
"""
