"""Code, marked with Pygments' classes."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

# Colouring takes about a millisecond per kilobyte on the event loop; longer code stays plain.
HIGHLIGHT_MAX_CHARS = 10_000
# Of Pygments' five hundred lexers those that people ask for: in each of the others a slow regular
# expression may hide, and a contender chooses the name.
_NAMES = (
    "python py python3 pycon javascript js typescript ts jsx tsx json html xml css scss sql bash "
    "sh shell zsh console java c cpp c++ csharp c# cs go golang rust rs ruby rb php swift kotlin "
    "scala r julia matlab lua perl haskell hs ocaml elixir erlang clojure lisp scheme dart yaml "
    "toml ini dockerfile docker makefile make diff latex tex powershell graphql protobuf "
    "nginx fortran objective-c groovy zig"
)
LANGUAGES = frozenset(_NAMES.split())

_LANGUAGE = re.compile(r"[a-zA-Z0-9_+#.-]{1,30}")


def show(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Any
) -> str:
    """Code in its box; left plain while it still grows."""
    token = tokens[index]
    language = _LANGUAGE.match(token.info.strip())
    name = language.group().lower() if language else ""
    marked = None if env.get("plain_code") else _coloured(token.content, name)
    css = f' class="language-{name}"' if name else ""
    return (
        f'<div class="code" dir="ltr"><pre class="highlight"><code{css}>'
        f"{marked or escapeHtml(token.content)}</code></pre></div>"
    )


def _coloured(text: str, language: str) -> str | None:
    if language not in LANGUAGES or len(text) > HIGHLIGHT_MAX_CHARS:
        return None
    return highlight(text, _lexer(language), HtmlFormatter(nowrap=True))


@lru_cache(maxsize=len(LANGUAGES))
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
