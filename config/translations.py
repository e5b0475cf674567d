"""The words of the interface in the languages of settings.LANGUAGES, as catalogs in config/locale.

    python -m config.translations collect    after words have changed: new ones appear, untranslated, in each catalog
    python -m config.translations compile    writes build/locale, which Django reads

A catalog holds no dates, places or guesses, so it changes only when words do. English is in the sources. Where
Django or allauth lack a language, what they say to people is collected too, into that catalog alone.
"""

from __future__ import annotations

import gettext
import io
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parent.parent
CATALOGS: Final = ROOT / "config" / "locale"
COMPILED: Final = ROOT / "build" / "locale"
LOCALES: Final = ("ar", "de", "es", "fr", "hi", "ru", "zh_Hans")
OURS: Final = ("accounts", "api", "artifacts", "billing", "chat", "config", "providers", "templates")
# Where others speak to people on our pages and in our mail, each with its own catalogs.
THEIRS: Final = {
    "allauth/account": "allauth/locale",
    "allauth/templates/account": "allauth/locale",
    "allauth/templates/allauth": "allauth/locale",
    "django/contrib/auth/password_validation.py": "django/contrib/auth/locale",
}
KEYWORDS: Final[Mapping[str, tuple[int | tuple[int, str], ...] | None]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}

# What is said, as a plain text or as singular and plural; and its context, which tells two meanings apart.
Key = tuple[str | tuple[str, str], str | None]


class Words(Catalog):
    """A catalog whose head says only what a program needs to read it. It counts as Django's own catalog does."""

    def __init__(self, locale: str) -> None:
        super().__init__(locale=locale, header_comment="# How it is written: config/translations.py", fuzzy=False)

    @property
    def plural_forms(self) -> str:
        with (_installed("django/conf/locale") / self.locale_identifier / "LC_MESSAGES" / "django.mo").open(
            "rb"
        ) as file:
            return f"{gettext.GNUTranslations(file).info()['plural-forms'].rstrip(';')};"

    @property
    def num_plurals(self) -> int:
        return int(self.plural_forms.partition("nplurals=")[2].partition(";")[0])

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale_identifier)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def wanted(locale: str) -> list[Key]:
    """Everything that is said and that `locale` has no words for elsewhere, sorted."""
    return sorted(
        ours() | lacking(locale), key=lambda key: (key[0] if isinstance(key[0], str) else key[0][0], str(key))
    )


def ours() -> set[Key]:
    """Everything our own sources say."""
    return {key for folder in OURS for key in _said(ROOT / folder)}


def lacking(locale: str) -> set[Key]:
    """What Django and allauth say to people and cannot say in `locale`."""
    found: set[Key] = set()
    for sources, catalogs in THEIRS.items():
        known = _known(_installed(catalogs) / locale / "LC_MESSAGES" / "django.mo")
        found |= {key for key in _said(_installed(sources)) if _entry(key) not in known}
    return found


def read(locale: str) -> Catalog:
    """The catalog as it stands. Raises OSError, PoFileError."""
    with (CATALOGS / locale / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def collect() -> None:
    """Bring each catalog up to date: what is no longer said goes, what is new comes without a translation."""
    for locale in LOCALES:
        path = CATALOGS / locale / "LC_MESSAGES" / "django.po"
        old = {_key(message): message for message in read(locale)} if path.exists() else {}
        words = Words(locale=locale)
        for key in wanted(locale):
            said, context = key
            words.add(said, old[key].string if key in old else "", context=context)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, words, no_location=True, width=110)


def compile_all(folder: Path = COMPILED) -> None:
    """Write what Django reads below `folder`. A file is there whole or not at all."""
    for locale in LOCALES:
        path = folder / locale / "LC_MESSAGES" / "django.mo"
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            write_mo(file, read(locale))
        unfinished.replace(path)


def _said(path: Path) -> Iterator[Key]:
    """What a file, or all files below a folder, pass to gettext."""
    sources = [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.html"), *path.rglob("*.txt")]
    for file in sources:
        source = file.read_text(encoding="utf-8")
        if file.suffix != ".py":
            # Django turns a template into calls of gettext between words of nonsense; the brackets make it one line.
            source = f"({templatize(source)}\n)"
        found = extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"})
        for _line, said, _comments, context in found:
            yield (said if isinstance(said, str) else (said[0], said[1])), context


def _key(message: Message) -> Key:
    said = message.id
    return (said if isinstance(said, str) else (said[0], said[1])), message.context


def _entry(key: Key) -> str:
    """Under which a compiled catalog keeps it."""
    said, context = key
    singular = said if isinstance(said, str) else said[0]
    return f"{context}\x04{singular}" if context else singular


def _known(path: Path) -> set[str]:
    """The entries of a compiled catalog of somebody else."""
    if not path.exists():
        return set()
    with path.open("rb") as file:
        entries: dict[str | tuple[str, int], str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # no other way
    return {entry if isinstance(entry, str) else entry[0] for entry in entries}


def _installed(path: str) -> Path:
    package, _slash, rest = path.partition("/")
    return Path(str(files(package)), rest)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["collect"]:
            collect()
        case ["compile"]:
            compile_all()
        case _:
            sys.exit(__doc__)
