"""Markdown as contenders write it → safe HTML, at once or while it is being written. Pure.

CommonMark with tables and strikethrough; a single line break stays one. No raw HTML; links only
to http, https and mailto; images become links; headings start at h3, below the page's own. Link
reference definitions are not supported: one at the end would change blocks already shown.
Every top-level block is exactly one HTML element. Code is marked with Pygments' classes.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# Colouring takes about a millisecond per kilobyte on the event loop; longer code stays plain.
HIGHLIGHT_MAX_CHARS = 10_000
# Inline parsing of hostile input is quadratic; a paragraph of this length is not prose.
INLINE_MAX_CHARS = 10_000

_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-zA-Z0-9_+#.-]{1,30}")
_HEADING_SHIFT = 2

_cleaner = nh3.Cleaner(
    tags={
        *["p", "h3", "h4", "h5", "h6", "blockquote", "hr", "div", "pre", "code", "span"],
        *["ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"],
        *["em", "strong", "s", "a", "br"],
    },
    attributes={
        "a": {"href", "title"},
        "code": {"class"},
        "div": {"class"},
        "ol": {"start"},
        "pre": {"class"},
        "span": {"class"},
        "td": {"class"},
        "th": {"class"},
    },
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)


def render(text: str) -> str:
    """The whole text as HTML."""
    return "".join(_blocks(_tokens(_normal(text))))


class StreamRenderer:
    """Renders text while it grows. Only the last blocks are rendered again: linear cost.

    After `finish` the blocks together are what `render` makes of the whole text.
    """

    def __init__(self) -> None:
        self._tail = ""  # the source from the first block on that may still change
        self._final = 0  # how many blocks are final
        self._held = ""  # a carriage return that may belong to a newline

    def feed(self, text: str) -> tuple[int, str]:
        """Adds text. Returns (n, html): `html` replaces the blocks from number n (from 0) on."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        self._tail += _normal(text.removesuffix("\r"))
        groups = _tokens(self._tail)
        blocks = _blocks(groups[:-1]) + _blocks(groups[-1:], plain_code=True)
        changed = self._final
        self._settle(groups)
        return changed, "".join(blocks)

    def finish(self) -> tuple[int, str]:
        """The last blocks for good, as `feed` returns them."""
        self._tail += _normal(self._held)
        self._held = ""
        return self._final, "".join(_blocks(_tokens(self._tail)))

    def _settle(self, groups: list[list[Token]]) -> None:
        """Blocks before one that has surely begun are final.

        Whether a line begins a block depends on it and, for tables, on the next line; so both
        must be complete.
        """
        complete = self._tail.count("\n")
        begun = [i for i, group in enumerate(groups) if _first_line(group) + 2 <= complete]
        if begun and begun[-1] > 0:
            lines = self._tail.split("\n")
            self._tail = "\n".join(lines[_first_line(groups[begun[-1]]) :])
            self._final += begun[-1]


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _tokens(source: str) -> list[list[Token]]:
    """The tokens of each top-level block."""
    groups: list[list[Token]] = []
    depth = 0
    for token in _markdown().parse(source):
        if depth == 0:
            groups.append([])
        groups[-1].append(token)
        depth += token.nesting
        _adapt(token)
    return groups


def _blocks(groups: Sequence[list[Token]], *, plain_code: bool = False) -> list[str]:
    """The HTML of each block. `plain_code` leaves code uncoloured, because it still grows."""
    markdown = _markdown()
    env = {"plain_code": plain_code}
    return [
        _cleaner.clean(markdown.renderer.render(group, markdown.options, env)) for group in groups
    ]


def _first_line(group: list[Token]) -> int:
    lines = group[0].map
    if lines is None:
        raise ValueError(f"A top-level {group[0].type} has no line numbers.")
    return lines[0]


def _adapt(token: Token) -> None:
    if token.type in {"heading_open", "heading_close"}:
        token.tag = f"h{min(6, int(token.tag[1]) + _HEADING_SHIFT)}"
    elif token.type in {"th_open", "td_open"} and "style" in token.attrs:
        # Styles are refused by the Content-Security-Policy; a class says the same.
        align = str(token.attrs.pop("style")).removeprefix("text-align:")
        token.attrs["class"] = f"align-{align}"


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True})
    markdown.enable(["table", "strikethrough"]).disable("reference")
    markdown.validateLink = lambda url: bool(_LINK.match(url.strip()))  # type: ignore[method-assign]
    markdown.core.ruler.at("inline", _inline)
    for name, rule in {
        "fence": _code,
        "code_block": _code,
        "image": _image,
        "table_open": lambda *_: '<div class="table"><table>',
        "table_close": lambda *_: "</table></div>",
    }.items():
        markdown.add_render_rule(name, rule)
    return markdown


def _inline(state: StateCore) -> None:
    """markdown-it's own rule, but text that is too long for it stays as it is."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if len(token.content) > INLINE_MAX_CHARS:
                token.children.append(Token("text", "", 0, content=token.content))
            else:
                state.md.inline.parse(token.content, state.md, state.env, token.children)


def _code(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any
) -> str:
    token = tokens[index]
    language = _LANGUAGE.match(token.info.strip())
    name = language.group().lower() if language else ""
    marked = None if env.get("plain_code") else _coloured(token.content, name)
    css = f' class="language-{name}"' if name else ""
    return f'<pre class="highlight"><code{css}>{marked or escapeHtml(token.content)}</code></pre>'


def _coloured(code: str, language: str) -> str | None:
    if not language or len(code) > HIGHLIGHT_MAX_CHARS:
        return None
    lexer = _lexer(language)
    return highlight(code, lexer, HtmlFormatter(nowrap=True)) if lexer else None


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any
) -> str:
    """Nothing is loaded from elsewhere for a rater: that would tell who looks, and when."""
    token = tokens[index]
    label = escapeHtml(renderer.renderInlineAsText(token.children, options, env) or "image")
    before = [other.type for other in tokens[:index]]
    if before.count("link_open") > before.count("link_close"):
        return label
    return f'<a href="{escapeHtml(str(token.attrs.get("src", "")))}">{label}</a>'
