"""The first chat page is light: few requests, little script and style, nothing from elsewhere."""

from __future__ import annotations

import re
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from subprocess import run
from urllib.parse import urljoin, urlsplit

from benchmarks.prove import promise
from benchmarks.sites import ROOT, environment, running


@dataclass(frozen=True, slots=True)
class FirstPage:
    requests: int
    script_and_style_bytes: int  # as they travel: compressed
    foreign: int


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}  # address → what it is

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script" and values.get("src"):
            self.found[str(values["src"])] = "script"
        elif tag == "link" and values.get("href"):
            rel = str(values.get("rel"))
            kind = {"stylesheet": "style", "modulepreload": "script"}.get(rel, "other")
            if rel in ("stylesheet", "modulepreload", "preload", "icon", "manifest"):
                self.found[str(values["href"])] = kind
        elif tag in ("img", "source") and values.get("src"):
            self.found[str(values["src"])] = "other"


@cache
def _page() -> FirstPage:
    """The page and what it loads before anybody touches it, followed through static imports and styles."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(DATABASE_URL=f"sqlite:///{Path(folder) / 'page.sqlite3'}")
        run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True)
        with running([sys.executable, "manage.py", "serve"], cwd=ROOT, env=env, patience_s=60):
            return _weigh(f"http://localhost:{env['PORT']}/")


def _weigh(site: str) -> FirstPage:
    links = _Links()
    links.feed(_load(site)[1])
    waiting = [(urljoin(site, address), kind) for address, kind in links.found.items()]
    seen: dict[str, int] = {}
    heavy = foreign = 0
    while waiting:
        address, kind = waiting.pop()
        if address in seen or address.startswith("data:"):
            continue
        if urlsplit(address).netloc != urlsplit(site).netloc:
            foreign += 1
            continue
        seen[address], text = _load(address)
        if kind in ("script", "style"):
            heavy += seen[address]
        if kind == "script":
            imported = re.findall(
                r"""(?:^|[;\s}])(?:import|export)\s*(?:[\w*{}\s,$]*?from\s*)?["'](\.[^"']+)["']""", text
            )
            waiting += [(urljoin(address, name), "script") for name in imported]
        elif kind == "style":
            waiting += [(urljoin(address, name), "style") for name in re.findall(r"""@import\s+["']([^"']+)""", text)]
    return FirstPage(1 + len(seen), heavy, foreign)


def _load(address: str) -> tuple[int, str]:
    """Bytes as a browser gets them, and the text."""
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip", "Accept": "text/html,*/*"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        size = len(answer.read())
    with urllib.request.urlopen(address, timeout=10) as answer:
        return size, answer.read().decode("utf-8", "replace")


@promise("first_page_script_and_style_kb", 90)
def script_and_style() -> float:
    return _page().script_and_style_bytes / 1000


@promise("first_page_requests", 12)
def requests() -> float:
    return _page().requests


@promise("first_page_foreign_requests", 0)
def foreign_requests() -> float:
    return _page().foreign
