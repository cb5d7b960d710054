"""`make messages`: brings the catalogues in locale/ up to date with the source.

Collects what is marked for translation in templates and Python, adds it to each `.po` file, and
takes out what is gone. A changed text keeps its old translation, marked fuzzy, until somebody has
looked at it. docs/translating.md tells translators what to do.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

Found = tuple[int, str | tuple[str, ...], list[str], str | None]  # line, text, comments, context

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
CODE = ("arena", "config", "ranking", "rlhf")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    **{f"{name}_lazy": spec for name, spec in DEFAULT_KEYWORDS.items() if name.endswith("gettext")},
    "gettext_noop": None,
    "Sentence": None,
}
# Not for people who read pages: no need to translate the tools of operators.
LEFT_OUT = ("/migrations/", "/management/")
HEADERS_LEFT_OUT = tuple(
    f'"{name}:'
    for name in (
        "Project-Id-Version", "Report-Msgid-Bugs-To", "POT-Creation-Date", "PO-Revision-Date",
        "Last-Translator", "Language-Team", "Generated-By",
    )
)  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    template = collected()
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        catalogue = read(path)
        catalogue.update(template)
        catalogue.obsolete.clear()
        catalogue.fuzzy = False  # of the header: Babel marks a new one
        write(path, catalogue)
        due = [message for message in catalogue if message.id and not _is_done(catalogue, message)]
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} messages, {len(due)} to translate")


def read(path: Path) -> Catalog:
    """A catalogue; its language is the name of its folder."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, abort_invalid=True)


def write(path: Path, catalogue: Catalog) -> None:
    """The same catalogue gives the same bytes: without dates and the names of tools."""
    catalogue.header_comment = "# The arena in another language; see docs/translating.md."
    file = io.BytesIO()
    write_po(file, catalogue, width=100, sort_output=True, include_lineno=False)
    lines = file.getvalue().decode().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(HEADERS_LEFT_OUT)]
    path.write_text("".join(kept), encoding="utf-8")


def collected() -> Catalog:
    """All messages of the source."""
    catalogue = Catalog(fuzzy=False)
    for path, messages in _sources():
        for line, message, comments, context in messages:
            place = [(str(path.relative_to(ROOT)), line)]
            catalogue.add(message, None, place, auto_comments=comments, context=context)
    return catalogue


def _sources() -> Iterator[tuple[Path, Iterator[Found]]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield path, _extract(_as_python(path.read_text()))
    for package in CODE:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part in str(path) for part in LEFT_OUT):
                yield path, _extract(path.read_text())


def _as_python(source: str) -> str:
    """Django's own translation of a template for gettext's tools, as lines that Python can read."""
    return "\n".join(line.strip() for line in templatize(source).splitlines())


def _extract(source: str) -> Iterator[Found]:
    file = io.BytesIO(source.encode())
    return extract("python", file, keywords=KEYWORDS, comment_tags=["Translators:"])


def _is_done(catalogue: Catalog, message: object) -> bool:
    fuzzy, text = message.fuzzy, message.string  # type: ignore[attr-defined]
    return not fuzzy and all(text if isinstance(text, tuple) else [text])


if __name__ == "__main__":
    main()
