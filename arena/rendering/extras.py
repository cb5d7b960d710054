"""What GitHub's Markdown has beyond CommonMark and tables: bare links, task lists, footnotes."""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_BARE_LINK = re.compile(r"(?<![\w/@.])(?:https?://|www\.)[^\s<>\"“”«»`]{1,2000}", re.IGNORECASE)
_CLOSERS = {")": "(", "]": "["}
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_FOOTNOTE = re.compile(r"\[\^([^\s\[\]^]{1,40})\]:?")


def extend(markdown: MarkdownIt) -> None:
    """Teaches the parser these."""
    markdown.inline.ruler.before("link", "footnote", _footnote)
    markdown.core.ruler.push("bare_links", _bare_links)
    markdown.core.ruler.push("tasks", _tasks)
    markdown.add_render_rule("footnote", _show_footnote)


def _bare_links(state: StateCore) -> None:
    for token in state.tokens:
        if token.children:
            token.children = _linked(token.children)


def _linked(tokens: list[Token]) -> list[Token]:
    made: list[Token] = []
    inside = 0  # a link
    for token in tokens:
        inside += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type == "text" and not inside:
            made.extend(_split(token))
        else:
            made.append(token)
    return made


def _split(token: Token) -> list[Token]:
    text, at = token.content, 0
    if "://" not in text and "www." not in text.lower():
        return [token]  # the expression would look behind every letter of it
    made: list[Token] = []
    for found in _BARE_LINK.finditer(text):
        address = _trimmed(found.group())
        if "." not in address.partition("://")[2] and "." not in address.removeprefix("www."):
            continue
        target = address if "://" in address else f"https://{address}"
        made += [
            Token("text", "", 0, content=text[at : found.start()]),
            Token("link_open", "a", 1, attrs={"href": target}),
            Token("text", "", 0, content=address),
            Token("link_close", "a", -1),
        ]
        at = found.start() + len(address)
    return [*made, Token("text", "", 0, content=text[at:])] if made else [token]


def _trimmed(address: str) -> str:
    """Without the punctuation of the sentence around it, and without brackets it did not open."""
    end = len(address)
    while end:
        last = address[end - 1]
        opener = _CLOSERS.get(last)
        if last in "?!.,:;*_~'’" or (
            opener and address.count(last, 0, end) > address.count(opener, 0, end)
        ):
            end -= 1
        else:
            break
    return address[:end]


def _tasks(state: StateCore) -> None:
    """A box is a letter, not a form's field: there is nothing to tick in an answer."""
    tokens = state.tokens
    for item, paragraph, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if (item.type, paragraph.type) != ("list_item_open", "paragraph_open"):
            continue
        first = inline.children[0] if inline.children else None
        if first and first.type == "text" and (found := _TASK.match(first.content)):
            item.attrs["class"] = "task"
            box = "☐" if found.group(1) == " " else "☑"
            first.content = f"{box} {first.content[found.end() :]}"


def _footnote(state: StateInline, silent: bool) -> bool:
    """[^1] as a raised mark, in the text and before the note itself. Not a link: two answers on
    one page may both have a note 1."""
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    note = state.pos == 0 and found.group().endswith(":")
    if not silent:
        token = state.push("footnote", "sup", 0)
        token.content = found.group(1)
    state.pos = found.end() if note or not found.group().endswith(":") else found.end() - 1
    return True


def _show_footnote(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any
) -> str:
    return f'<sup class="footnote">{escapeHtml(tokens[index].content)}</sup>'
