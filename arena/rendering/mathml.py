"""LaTeX formulas → MathML.

latex2mathml reads the LaTeX. It lets markup inside \\text through, knows \\href and \\style, and
numbers equations; so only its tree is used, and written out here with a list of what may pass.
"""

import re
from functools import lru_cache
from html import unescape
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import Converter
from markdown_it.common.utils import escapeHtml

FORMULA_MAX_CHARS = 2_000  # converting takes about 8 µs a character on the event loop
NESTING_MAX = 30
OUTPUT_MAX_CHARS = 100_000

_ALIGN = {"displaystyle", "columnalign", "columnspacing", "rowspacing", "columnlines", "rowlines"}
ELEMENTS: dict[str, set[str]] = {
    "math": {"display", "alttext"},
    **{name: set() for name in ["mrow", "msqrt", "mroot", "msub", "msup", "msubsup", "merror"]},
    **{name: {"accent", "accentunder"} for name in ["mover", "munder", "munderover"]},
    **{name: {"mathvariant"} for name in ["mi", "mn", "mtext", "ms"]},
    "mo": {"stretchy", "fence", "form", "accent", "minsize", "maxsize", "separator", "largeop"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mpadded": {"width", "lspace"},
    "mphantom": set(),
    "menclose": {"notation"},
    "mtable": _ALIGN,
    "mtr": {"columnalign"},
    "mtd": {"columnalign"},
}
# Words and lengths that move nothing out of its place.
_VALUE = re.compile(r"[a-z ]{1,80}|\+?\d{0,2}(\.\d{1,4})?(em|ex|pt|px|mu)?( [\d.]{1,6}em){0,8}")
_REFUSED = re.compile(r"\\(def|let|gdef|edef|newcommand|renewcommand|providecommand|href|style)\b")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+)(\*?)\}")
_SAME_AS = {
    **dict.fromkeys(["align", "aligned", "gather", "gathered", "eqnarray", "split"], "align*"),
    "dcases": "cases",
    "smallmatrix": "matrix",
}
# Operators whose limits stand above and below where there is room.
_LIMITS = set("∑∏∐⋃⋂⋁⋀⨁⨂⨀⨆") | {"lim", "max", "min", "sup", "inf", "limsup", "liminf"}
_LIMITED = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
_FAILURES: tuple[type[Exception], ...] = (
    *[k for k in vars(exceptions).values() if isinstance(k, type) and issubclass(k, Exception)],
    *(ValueError, KeyError, IndexError, AttributeError, TypeError, StopIteration),
    *(RuntimeError, AssertionError),
)


@lru_cache(maxsize=2_048)
def mathml(formula: str, *, display: bool) -> str | None:
    """A formula as a math element; None when it cannot be shown as one."""
    if len(formula) > FORMULA_MAX_CHARS or _REFUSED.search(formula) or not _balanced(formula):
        return None
    source = _ENVIRONMENT.sub(_environment, formula)
    if "\\\\" in source and "\\begin" not in source:
        source = rf"\begin{{align*}}{source}\end{{align*}}"
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(source)
        shown = _written(tree, display=display)
    except _FAILURES:
        return None
    body = shown.removeprefix("<math>").removesuffix("</math>")
    if len(body) > OUTPUT_MAX_CHARS:
        return None
    mode = ' display="block"' if display else ""
    return f'<math{mode} alttext="{escapeHtml(formula)}">{body}</math>'


def _balanced(formula: str) -> bool:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", formula):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if not 0 <= depth <= NESTING_MAX:
            return False
    return depth == 0


def _environment(found: re.Match[str]) -> str:
    edge, name, star = found.groups()
    return f"\\{edge}{{{_SAME_AS.get(name, name + star)}}}"


def _written(element: Element, *, display: bool) -> str:
    tag = element.tag
    if tag not in ELEMENTS:
        raise ValueError(f"MathML's {tag} is not shown.")
    inner = escapeHtml(unescape(element.text or ""))
    inner += "".join(_written(child, display=display) for child in element)
    if display and tag in _LIMITED and unescape(element[0].text or "") in _LIMITS:
        tag = _LIMITED[tag]
    attributes = "".join(
        f' {name}="{value}"'
        for name, value in element.attrib.items()
        if tag != "math" and name in ELEMENTS[tag] and _VALUE.fullmatch(value)
    )
    return f"<{tag}{attributes}>{inner}</{tag}>"
