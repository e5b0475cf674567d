"""Pictures of every state at both sizes in both themes: `make states`.

Only some of them: `python -m tests.browser.contact_sheet slow failed`.

They lie in build/states, with an index.html that shows them side by side and one montage for each size and theme.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup(set_prefix=False)

from PIL import Image, ImageDraw  # noqa: E402  (after the settings)
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright  # noqa: E402

from tests.browser import site  # noqa: E402
from tests.browser.states import STATES, Size, Stage, State  # noqa: E402
from tests.witness import client  # noqa: E402

FOLDER: Final = site.ROOT / "build" / "states"
THEMES: Final = ("light", "dark")
WIDTHS: Final[dict[Size, tuple[int, int]]] = {"desktop": (480, 6), "phone": (234, 12)}  # of one picture; in a row


def main(names: list[str]) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    site.build()
    chosen = [one for one in STATES if not names or one.name in names]
    with (
        client.process() as witness,
        tempfile.TemporaryDirectory() as folder,
        site.running(witness, Path(folder)) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=site.CHROMIUM, args=site.FLAGS)
        wanted = [(one, size) for one in chosen for size in one.sizes]
        missed = [f"{one.name} {size}" for one, size in wanted if not _taken(one, size, browser, running)]
    _index()
    for size in WIDTHS:
        for theme in THEMES:
            _montage(size, theme)
    print(f"{FOLDER}/index.html", *(f"missed: {name}" for name in missed), sep="\n")
    return 1 if missed else 0


def _taken(one: State, size: Size, browser: Browser, running: site.Site) -> bool:
    with _opener(browser, running) as opener:
        try:
            page = one.reach(Stage(running, size, opener))
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.wait_for_timeout(250)
                page.screenshot(path=_path(one.name, size, theme), caret="initial")
        except Exception:  # the other states are looked at all the same
            traceback.print_exc()
            return False
    return True


@contextmanager
def _opener(browser: Browser, running: site.Site) -> Iterator[Any]:
    contexts: list[BrowserContext] = []

    def opened(path: str, size: Size, **options: Any) -> Page:
        contexts.append(browser.new_context(base_url=running.url, **site.SIZES[size], **options))
        contexts[-1].set_default_timeout(15_000)
        page = contexts[-1].new_page()
        page.goto(path)
        return page

    try:
        yield opened
    finally:
        for context in contexts:
            context.close()


def _path(name: str, size: Size, theme: str) -> Path:
    return FOLDER / f"{name}-{size}-{theme}.png"


def _index() -> None:
    rows = [
        f"<h2>{one.name.replace('_', ' ')}</h2><p>"
        + "".join(
            f'<a href="{path.name}"><img src="{path.name}" alt="" height="450" loading="lazy"></a> '
            for size in one.sizes
            for theme in THEMES
            if (path := _path(one.name, size, theme)).exists()
        )
        for one in STATES
    ]
    style = "body{font:14px sans-serif;margin:2rem;background:#777}img{border-radius:6px}"
    page = f"<!doctype html><meta charset=utf-8><title>States</title><style>{style}</style>{''.join(rows)}"
    (FOLDER / "index.html").write_text(page, encoding="utf-8")


def _montage(size: Size, theme: str) -> None:
    width, across = WIDTHS[size]
    pictures = [(one.name, path) for one in STATES if (path := _path(one.name, size, theme)).exists()]
    if not pictures:
        return
    viewport = site.SIZES[size]["viewport"]
    height = width * viewport["height"] // viewport["width"]
    rows = -(-len(pictures) // across)
    sheet = Image.new("RGB", (across * (width + 12) + 12, rows * (height + 30) + 12), "#777")
    draw = ImageDraw.Draw(sheet)
    for number, (name, path) in enumerate(pictures):
        x, y = 12 + number % across * (width + 12), 12 + number // across * (height + 30)
        draw.text((x, y), name.replace("_", " "), fill="white")
        with Image.open(path) as picture:
            sheet.paste(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), (x, y + 14))
    sheet.save(FOLDER / f"montage-{size}-{theme}.png")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
