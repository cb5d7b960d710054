r"""Where mathematics stands in Markdown: $…$, \(…\), $$…$$ and \[…\].

What is no formula, or cannot be converted, is shown as it was written.
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from arena.rendering.mathml import mathml

_DISPLAYED = {"$$": "$$", "\\[": "\\]"}
_INLINE = {**_DISPLAYED, "\\(": "\\)", "$": "$"}
_BLOCK_END = re.compile(r"[ \t.,;:]*$")
_INTERRUPTS: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}


def extend(markdown: MarkdownIt) -> None:
    """Teaches the parser mathematics."""
    markdown.block.ruler.before("fence", "math_block", _block, _INTERRUPTS)
    markdown.inline.ruler.before("escape", "math", _inline)
    markdown.add_render_rule("math", _show)
    markdown.add_render_rule("math_block", _show_block)


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A displayed formula on lines of its own: up to its end, or to the next empty line.

    Whether it begins is decided by its first line alone, so that a stream never takes it back.
    """
    if state.is_code_block(start):
        return False
    line = _line(state, start)
    close = _DISPLAYED.get(line[:2])
    if close is None:
        return False
    at = line.find(close, 2)
    if at >= 0 and not _BLOCK_END.match(line, at + 2):
        return False  # words follow on the same line: the inline rule's
    if silent:
        return True
    lines = [line]
    number = start + 1
    closed = at >= 0
    while not closed and number < end and not state.isEmpty(number):
        if state.sCount[number] < state.blkIndent:
            break
        lines.append(_line(state, number))
        at = lines[-1].find(close)
        closed = at >= 0 and bool(_BLOCK_END.match(lines[-1], at + 2))
        number += 1
    token = state.push("math_block", "math", 0)
    token.content = "\n".join(lines)
    if closed:
        rest = lines[-1][at + 2 :].strip()
        formula = "\n".join([*lines[:-1], lines[-1][:at]]) if len(lines) > 1 else line[:at]
        token.meta["formula"] = formula[2:] + rest
    token.map = [start, number]
    state.line = number
    return True


def _inline(state: StateInline, silent: bool) -> bool:
    """A formula in a line. A dollar opens one only if the very next dollar can close it."""
    source, begin = state.src, state.pos
    opener = source[begin : begin + 2]
    if opener not in _INLINE:
        opener = opener[:1]
    close = _INLINE.get(opener)
    if close is None:
        return False
    at = source.find(close, begin + len(opener), state.posMax)
    if at < 0 or (formula := source[begin + len(opener) : at]).isspace() or not formula:
        return False
    after = source[at + 1 : at + 2]
    if opener == "$" and (formula[0].isspace() or formula[-1] in " \t\n\\" or after.isdigit()):
        return False
    if not silent:
        token = state.push("math", "math", 0)
        token.content = source[begin : at + len(close)]
        token.meta = {"formula": formula, "display": opener in _DISPLAYED}
    state.pos = at + len(close)
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _show(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any
) -> str:
    token = tokens[index]
    shown = mathml(token.meta["formula"].strip(), display=token.meta["display"])
    return shown or f"<code>{escapeHtml(token.content)}</code>"


def _show_block(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any
) -> str:
    token = tokens[index]
    formula = token.meta.get("formula", "").strip()
    shown = mathml(formula, display=True) if formula else None
    if shown is None:
        shown = escapeHtml(token.content).replace("\n", "<br>\n")
        return f'<p dir="auto">{shown}</p>\n'
    return f'<div class="math" dir="ltr">{shown}</div>\n'
