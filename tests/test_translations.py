"""Nothing that people read bypasses gettext, and the complete language is complete."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.template.base import Lexer, Token, TokenType

from config import messages

ROOT = Path(__file__).parent.parent
COMPLETE = ["de"]
PARTIAL = ["ar"]

# --- catalogues ----------------------------------------------------------------------------


def catalogue(language: str) -> Catalog:
    return messages.read(ROOT / "locale" / language / "LC_MESSAGES" / "django.po")


def entries(language: str) -> list[Any]:
    return [message for message in catalogue(language) if message.id]


def pairs(message: Any) -> list[tuple[str, str]]:
    """Each translation with the text that it stands for: singular first, then plural."""
    if isinstance(message.string, tuple):
        return [(message.id[min(n, 1)], text) for n, text in enumerate(message.string)]
    return [(message.id, message.string)]


def test_every_language_has_a_catalogue_and_is_tested() -> None:
    offered = {code for code, _ in settings.LANGUAGES} - {settings.LANGUAGE_CODE}
    assert offered == {*COMPLETE, *PARTIAL}
    assert {path.name for path in (ROOT / "locale").iterdir()} == offered


@pytest.mark.parametrize("language", [*COMPLETE, *PARTIAL])
def test_catalogues_hold_what_the_source_says(language: str) -> None:
    known = {(message.context, message.id) for message in entries(language)}
    said = {(message.context, message.id) for message in messages.collected() if message.id}
    assert said - known == set(), "make messages"
    assert known - said == set(), "make messages"


@pytest.mark.parametrize("language", COMPLETE)
def test_a_complete_language_lacks_nothing(language: str) -> None:
    due = [m.id for m in entries(language) if m.fuzzy or not all(t for _, t in pairs(m))]
    assert due == []


@pytest.mark.parametrize("language", [*COMPLETE, *PARTIAL])
def test_translations_have_the_placeholders_of_the_text(language: str) -> None:
    for message in entries(language):
        for number, (text, translated) in enumerate(pairs(message)):
            if not translated:
                continue
            spelt, wanted = _placeholders(translated), _placeholders(text)
            # "one vote" may leave out the number that other plurals say
            few = isinstance(message.string, tuple) and number < len(message.string) - 1
            assert spelt == wanted or (few and set(spelt) < set(wanted)), (text, translated)
            assert _tags(translated) == _tags(text), (text, translated)


def _placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[a-z]|%%|\{\w*\}|%(?![(%])\S?|\bCODE\b", text))


def _tags(text: str) -> list[str]:
    return sorted(re.findall(r"</?\w+", text))


@pytest.mark.parametrize(
    ("german", "english"),
    [
        (r"(?i)teilnehm", None),  # a contender is a Kandidat
        (r"(?i)stichprobe", None),  # samples are Beispiele
        (r"(?i)abgebrochen", r"(?i)cancel"),  # what is killed is beendet
        (r"\"(?![^<]*>)", None),  # but for the attributes of tags
        (r"(?<!\w)'|'(?!\w)", None),
    ],
)
def test_german_has_one_word_per_idea_and_its_own_quotation_marks(
    german: str, english: str | None
) -> None:
    found = [
        (text, translated)
        for message in entries("de")
        for text, translated in pairs(message)
        if re.search(german, translated) and not (english and re.search(english, text))
    ]
    assert found == []


# --- templates -----------------------------------------------------------------------------

# Names, code and signs that are the same in every language.
SAME = {
    "Arena",
    "A",
    "B",
    "C",
    "Ctrl",
    "Enter",
    "SHA-256",
    "CSV",
    "JSON",
    "PNG",
    "SVG",
    "Vega-Lite",
    "Elo",
    "UTC",
}
READ = {"alt", "title", "placeholder", "aria-label", "aria-description", "data-label"}
READ_BY_SCRIPTS = {
    "data-unreachable",
    "data-failed",
    "data-started",
    "data-finished",
    "data-stopped",
    "data-open",
    "data-counted",
    "data-too-long",
    "data-done",
    "data-highlight",
    "data-table",
    "data-math",
    "data-said",
    "data-left",
}
CODE = {"code", "kbd", "mi", "pre", "script", "style"}  # mi: a letter of a formula
NOT_READ = ("block page_class", "block tone", "block code")  # what these hold is for CSS
WORD = re.compile(r"[^\W\d_]{2,}|[^\W\d_]")
GAP = "\0"
# The page of components is for those who write pages.
FOR_AUTHORS = "components.html"
TEMPLATES = [
    path for path in sorted((ROOT / "templates").rglob("*.html")) if path.name != FOR_AUTHORS
]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_say_everything_through_gettext(path: Path) -> None:
    assert list(untranslated(path.read_text())) == []


def untranslated(source: str) -> Iterator[str]:
    """What people would read in English in every language."""
    tokens = Lexer(source).tokenize()
    for token in tokens:
        yield from _english_in_filters(token)
    finder = _Finder()
    finder.feed("".join(_outside(tokens)))
    finder.close()
    yield from finder.found


def _outside(tokens: list[Token]) -> Iterator[str]:
    """A template's own text, with a gap for each tag."""
    inside = False
    for token in tokens:
        if token.token_type == TokenType.BLOCK:
            name = token.contents.split()[0]
            inside = (
                token.contents in NOT_READ
                or name in {"blocktranslate", "comment"}
                or (inside and name not in {"endblocktranslate", "endcomment", "endblock"})
            )
        if token.token_type == TokenType.TEXT:
            yield "" if inside else token.contents
        elif token.token_type != TokenType.COMMENT:
            yield GAP


def _english_in_filters(token: Token) -> Iterator[str]:
    if token.token_type not in {TokenType.VAR, TokenType.BLOCK}:
        return
    if "|pluralize" in token.contents:
        yield token.contents
    for text in re.findall(r'\|(?:default|default_if_none|yesno):"([^"]*)"', token.contents):
        if WORD.search(text) and text not in SAME:
            yield text
    if dates := re.findall(r'\|(?:date|time):"([^"]*)"', token.contents):
        yield from (form for form in dates if form != "c" and not form.endswith("_FORMAT"))


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in CODE:
            self._within.append(tag)
        for name, value in attrs:
            described = name == "content" and ("name", "description") in attrs
            if name in READ | READ_BY_SCRIPTS or described:
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self._look(data)

    def _look(self, text: str) -> None:
        for piece in re.split(r"[\0·→()]+", text):
            if WORD.search(piece) and piece.strip() not in SAME:
                self.found.append(piece.strip())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ("{% load x %}<p>{% translate 'Hello' %} · Arena</p>", []),
        ("<p>{% blocktranslate %}Hello <b>you</b>{% endblocktranslate %}</p>", []),
        ("<p>{{ count }} votes</p>", ["votes"]),
        ('<a title="More" class="button">{{ name }}</a>', ["More"]),
        ('<td data-label="{% translate "rows" %}">{{ x|default:"none" }}</td>', ["none"]),
        ('{{ x|default:_("none") }}{{ y|date:"j M" }}{{ z|date:"DATE_FORMAT" }}', ["j M"]),
        ("vote{{ n|pluralize }}", ["n|pluralize", "vote"]),
        ("<code>seed</code>{# a remark #}{% comment %}another{% endcomment %}", []),
        ('<meta name="description" content="An arena">', ["An arena"]),
    ],
)
def test_the_check_of_templates_sees_what_it_should(source: str, found: list[str]) -> None:
    assert sorted(untranslated(source)) == sorted(found)


# --- Python --------------------------------------------------------------------------------

REFUSALS = {
    "ArenaError", "Unauthorized", "Forbidden", "NotFound", "Conflict", "Invalid", "TooMany",
    "Unavailable", "ValidationError", "FileError", "RowError", "Phrase",
}  # fmt: skip
SAID = {"messages.success", "messages.info", "messages.warning", "messages.error"}
WORDED = {"label", "help_text", "empty_label", "verbose_name", "verbose_name_plural"}
DISPLAYED = {"admin.display", "admin.action"}
# Texts of the API's documentation and of the administration's tables.
SOURCES = [
    path
    for package in messages.CODE
    for path in sorted((ROOT / package).rglob("*.py"))
    if not any(part in str(path) for part in (*messages.LEFT_OUT, "/training/", "/serving/"))
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_says_everything_through_gettext(path: Path) -> None:
    assert list(untranslated_in_python(path.read_text())) == []


def untranslated_in_python(source: str) -> Iterator[str]:
    """Plain strings where people will read them."""
    tree = ast.parse(source)
    for choices in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        if any(ast.unparse(base).endswith("TextChoices") for base in choices.bases):
            for choice in (line for line in choices.body if isinstance(line, ast.Assign)):
                yield from _plain(getattr(choice.value, "elts", [choice.value])[-1:])
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if name.rsplit(".", 1)[-1] in REFUSALS:
            yield from _plain(call.args[:1])
        elif name in SAID:
            yield from _plain(call.args[1:2])
        elif name in DISPLAYED:
            yield from _plain([k.value for k in call.keywords if k.arg == "description"])
        if name.startswith("forms."):
            yield from _plain([k.value for k in call.keywords if k.arg in WORDED])


def _plain(values: list[ast.expr]) -> Iterator[str]:
    for value in values:
        while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mod):
            value = value.left  # what fills the gaps is no text of ours
        parts = ast.walk(value) if isinstance(value, ast.JoinedStr | ast.BinOp) else [value]
        for part in parts:
            if isinstance(part, ast.Call):
                break
            text = part.value if isinstance(part, ast.Constant) else None
            if isinstance(text, str) and WORD.search(text):
                yield text
                break


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise Invalid("No.")', ["No."]),
        ('raise errors.Invalid(f"No {x}.")', ["No "]),
        ('raise Invalid(_("No %(x)s.") % {"x": 1})', []),
        ("raise Invalid(REASON(x=1))", []),
        ('raise Invalid("No %s." % x)', ["No %s."]),
        ('raise Invalid(text % {"x": 1})', []),
        ('messages.error(request, "No.")', ["No."]),
        ('forms.CharField(label="Name", help_text=_("Yours"))', ["Name"]),
        ('admin.display(description="file")', ["file"]),
        ('class Mode(TextChoices):\n    A = "a", "blind"\n    B = "b", _("b")', ["blind"]),
        ('class Mode(models.TextChoices):\n    ANY = "any"', ["any"]),
    ],
)
def test_the_check_of_python_sees_what_it_should(source: str, found: list[str]) -> None:
    assert list(untranslated_in_python(source)) == found
