"""Markdown becomes safe HTML, at once and while it is being written."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.rendering import StreamRenderer, render

FRAGMENTS = [
    *["a", "word ", "b\n", "\n", "\n\n", "- ", "1. ", "2) ", "+ ", "  - ", "> ", "# ", "    "],
    *["```", "~~~", "py\n", "\t", "|", "a|b", "\n-|-", "\n--|--\n", "===", "---", "***", "0"],
    *["*", "**", "_", "`", "[x](http://y)", "![z](http://q)", "<b>", "\r", "\r\n", "  \n", " "],
    *["[r]: http://z\n", "[r]", "\\", "&amp;", "\0", "é", "😀", "שלום ", "- [x] ", "- [ ] "],
    *["$", "$$", "$$\n", "\\[", "\\]\n", "\\(x\\)", "x^2", "\\frac{a}{b}", "[^1]", "[^1]: "],
    *["https://a.example/b_c", "www.a.example", ".\n"],
]
TAGS = {
    *["p", "h3", "h4", "h5", "h6", "pre", "code", "span", "blockquote", "ul", "ol", "li", "hr"],
    *["div", "table", "thead", "tbody", "tr", "th", "td", "em", "strong", "s", "a", "br", "sup"],
    *["math", "mrow", "mi", "mn", "mo", "msup", "msub", "mfrac", "mtext", "mspace"],
}
MATHML = {"display", "alttext", "stretchy", "fence", "form", "accent", "width", "mathvariant"}
markdown = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)


class Elements(HTMLParser):
    """Splits HTML into its top-level elements, as a browser's `children` are."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.depth = 0
        self.starts: list[tuple[int, int]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if self.depth == 0:
            self.starts.append(self.getpos())
        if tag not in {"br", "hr"}:
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1


def elements(html: str) -> list[str]:
    parser = Elements()
    parser.feed(html)
    lines = [0]
    for line in html.split("\n"):
        lines.append(lines[-1] + len(line) + 1)
    at = [lines[row - 1] + column for row, column in parser.starts] + [len(html)]
    return [html[start:end] for start, end in pairwise(at)]


def streamed(pieces: Iterable[str]) -> str:
    """What a page shows in the end that keeps the blocks before the number it is told."""
    renderer = StreamRenderer()
    shown: list[str] = []
    for piece in pieces:
        block, html = renderer.feed(piece)
        assert block <= len(shown)
        if html:
            shown[block:] = elements(html)
    block, html = renderer.finish()
    shown[block:] = elements(html)
    return "".join(shown)


@settings(max_examples=200, deadline=None)
@given(markdown | st.text(max_size=200), st.data())
def test_streaming_ends_in_what_rendering_at_once_gives(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=40)))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    assert streamed(pieces) == render(text)


@settings(max_examples=60, deadline=None)
@given(markdown)
def test_letter_by_letter_too(text: str) -> None:
    assert streamed(text) == render(text)


@pytest.mark.parametrize(
    "piece",
    [
        "word ",
        "- item with words\n",
        "> quoted words\n",
        "x = 1 # code\n",
        "words in a cell|b\n-|-\n",
    ],
)
def test_long_blocks_too(piece: str) -> None:
    text = ("```py\n" if piece.startswith("x") else "") + piece * (12_000 // len(piece))
    assert streamed(text[start : start + 40] for start in range(0, len(text), 40)) == render(text)


@pytest.mark.parametrize(
    ("block", "again"),
    [
        ("words", False),
        ("# words", False),
        ("> words", False),
        ("a|b\n-|-\nc|d", False),
        ("```\nx = 1\n```", False),
        ("$$\nx\n$$", False),
        ("- item", True),
        ("1. item", True),
        ("    code", True),
        ("```\nx = 1", True),
    ],
)
def test_what_an_empty_line_ends_is_not_sent_again(block: str, again: bool) -> None:
    renderer = StreamRenderer()
    renderer.feed(f"{block}\n\n")
    assert renderer.feed("more")[0] == (0 if again else 1)


@settings(max_examples=60, deadline=None)
@given(markdown | st.text(max_size=200))
def test_only_known_elements_and_attributes_come_out(text: str) -> None:
    html = render(text)
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", html))
    assert tags <= TAGS
    for attributes in re.findall(r"<[a-z0-9]+((?: [a-z]+=\"[^\"]*\")+)>", html):
        names = set(re.findall(r" ([a-z]+)=", attributes))
        assert names <= {"href", "title", "rel", "target", "class", "start", "dir"} | MATHML


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "[x](/logout/)",
        "[x](//evil.example)",
        "<javascript:alert(1)>",
        '[x](https://y "onmouseover=alert(1)")',
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>\nx\n```',
        "<style>*{display:none}</style>",
        "<iframe src=//evil.example>",
        "&lt;script&gt;",
    ],
)
def test_nothing_runs(text: str) -> None:
    html = render(text)
    assert "<script" not in html
    assert not re.search(r"<[^>]* on\w+=", html)
    assert not re.search(r"(href|src)=\"(?!https?://|mailto:)", html)
    assert not re.search(r"<(img|iframe|style)", html)


def test_links_open_elsewhere_and_are_not_followed() -> None:
    assert render("[x](https://y.example)") == (
        '<p dir="auto"><a href="https://y.example" target="_blank" rel="nofollow noopener">'
        "x</a></p>\n"
    )


def test_images_are_links_and_never_loaded() -> None:
    html = render("![a *cat*](https://x.example/cat.png)")
    assert "<img" not in html
    assert '<a href="https://x.example/cat.png"' in html
    assert ">a cat</a>" in html


def test_code_is_marked_for_colouring() -> None:
    html = render("```python\ndef f(): pass\n```")
    assert '<pre class="highlight"><code class="language-python">' in html
    assert '<span class="k">def</span>' in html


def test_code_that_is_still_being_written_is_not_coloured_yet() -> None:
    renderer = StreamRenderer()
    _, html = renderer.feed("```python\ndef f(): pass\n")
    assert "<span" not in html
    assert "<span" in renderer.finish()[1]


def test_tables_have_classes_instead_of_styles() -> None:
    html = render("|a|b|\n|:-|-:|\n|1|2|")
    assert 'class="align-right"' in html
    assert "style" not in html


def test_headings_stay_below_the_headings_of_the_page() -> None:
    assert render("# a\n\n##### b") == '<h3 dir="auto">a</h3>\n<h6 dir="auto">b</h6>\n'


def test_earlier_blocks_are_not_rendered_again() -> None:
    renderer = StreamRenderer()
    sizes = []
    for number in range(200):
        block, html = renderer.feed(f"Paragraph number {number}.\n\n")
        sizes.append(len(html))
        assert block >= number - 2
    assert max(sizes) < 150


@pytest.mark.parametrize("text", ["[" * 200_000, "*" * 200_000, ">" * 200_000, "a*" * 100_000])
def test_hostile_text_costs_little(text: str) -> None:
    assert render(text)
