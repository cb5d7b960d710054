"""The parser and the renderer of markdown-it, set up for what contenders write."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from arena.rendering import code, extras, mathml, maths

# Inline parsing of hostile input is quadratic; a paragraph or a table's row of this length is
# not prose.
INLINE_MAX_CHARS = 10_000

_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_HEADING_SHIFT = 2
_DIRECTED = {
    *["paragraph_open", "heading_open", "blockquote_open"],
    *["bullet_list_open", "ordered_list_open"],
}

_GO_ON = {"bullet_list_open", "ordered_list_open", "code_block"}

_cleaner = nh3.Cleaner(
    tags={
        *["p", "h3", "h4", "h5", "h6", "blockquote", "hr", "div", "pre", "code", "span"],
        *["ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"],
        *["em", "strong", "s", "a", "br", "sup"],
        *mathml.ELEMENTS,
    },
    attributes={
        **{name: {"dir"} for name in ["p", "h3", "h4", "h5", "h6", "blockquote", "ul"]},
        "a": {"href", "title"},
        "code": {"class"},
        "div": {"class", "dir"},
        "li": {"class"},
        "ol": {"start", "dir"},
        "pre": {"class"},
        "span": {"class"},
        "sup": {"class"},
        "td": {"class"},
        "th": {"class"},
        **mathml.ELEMENTS,
    },
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)

Block = list[Token]


def parse(source: str) -> list[Block]:
    """The tokens of each top-level block."""
    blocks: list[Block] = []
    depth = 0
    for token in _markdown().parse(source):
        if depth == 0:
            blocks.append([])
            # The first strong letter of a block decides on its direction.
            if token.type in _DIRECTED:
                token.attrs["dir"] = "auto"
        blocks[-1].append(token)
        depth += token.nesting
        _adapt(token)
    return blocks


def html_of(blocks: Sequence[Block], *, plain_code: bool = False) -> list[str]:
    """The HTML of each block. `plain_code` leaves code uncoloured, because it still grows."""
    markdown = _markdown()
    env = {"plain_code": plain_code}
    return [
        _cleaner.clean(markdown.renderer.render(block, markdown.options, env)) for block in blocks
    ]


def lines_of(block: Block) -> tuple[int, int]:
    """The numbers of its first line in the source, from 0, and of the line after it."""
    lines = block[0].map
    if lines is None:
        raise ValueError(f"A top-level {block[0].type} has no line numbers.")
    return lines[0], lines[1]


def goes_on(block: Block) -> bool:
    """Whether an empty line may be a part of it, once more follows."""
    return block[0].type in _GO_ON


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
    # What is parsed has been made normal: stream.py does it before it counts lines.
    markdown.enable(["table", "strikethrough"]).disable(["reference", "normalize"])
    markdown.validateLink = lambda url: bool(_LINK.match(url.strip()))  # type: ignore[method-assign]
    markdown.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    markdown.core.ruler.at("inline", _inline)
    maths.extend(markdown)
    extras.extend(markdown)
    for name, rule in {
        "fence": code.show,
        "code_block": code.show,
        "image": _image,
        "table_open": lambda *_: '<div class="table" dir="auto"><table>',
        "table_close": lambda *_: "</table></div>",
    }.items():
        markdown.add_render_rule(name, rule)
    return markdown


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """markdown-it's own rule, for rows that a reader could read."""
    if state.eMarks[start] - state.bMarks[start] > INLINE_MAX_CHARS:
        return False
    return table(state, start, end, silent)


def _inline(state: StateCore) -> None:
    """markdown-it's own rule, but text that is too long for it stays as it is."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = []
            if len(token.content) > INLINE_MAX_CHARS:
                token.children.append(Token("text", "", 0, content=token.content))
            else:
                state.md.inline.parse(token.content, state.md, state.env, token.children)


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
