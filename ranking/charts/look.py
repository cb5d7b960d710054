"""How plots look: the colours of the pages, a wide and a narrow size."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# The one place where the design's colours stand: each as light-dark(…, …).
_TOKENS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"
_COLOUR = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)")
# Liberation Sans comes with vl-convert: a PNG is the same on a machine without fonts.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
THEMES = ("light", "dark")
SIZES = ("wide", "narrow")
_SERIES = {
    "light": "#0a6057 #c77700 #21528f #a8231b #7a2f8f #5f8a00 #00809b #b0528a #6b5b3e #14201e",
    "dark": "#74d3c2 #f1b963 #9ec1f5 #ff9d92 #d7a6e8 #b6d86a #6ccbe6 #f0a5cd #cbb894 #e7eeeb",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Light or dark, wide or narrow. Raises ValueError for anything else."""

    theme: str = "light"
    size: str = "wide"

    def __post_init__(self) -> None:
        if self.theme not in THEMES or self.size not in SIZES:
            raise ValueError(f"no look {self.theme!r}, {self.size!r}")

    @property
    def wide(self) -> bool:
        return self.size == "wide"

    @property
    def width(self) -> int:
        """Of the whole image, in pixels."""
        return 1120 if self.wide else 380

    @property
    def text(self) -> int:
        """Font size in pixels."""
        return 13 if self.wide else 11

    @property
    def names(self) -> int:
        """Pixels for a contender's name."""
        return 210 if self.wide else 112

    @property
    def series(self) -> list[str]:
        """Colours of lines that are to be told apart."""
        return _SERIES[self.theme].split()

    def colour(self, name: str) -> str:
        """A colour of the pages, by its name in tokens.css."""
        return _colours()[name][THEMES.index(self.theme)]

    def config(self) -> dict[str, Any]:
        """Vega-Lite's configuration. Without ARIA attributes: the page describes the plot."""
        ink, soft, line = (self.colour(name) for name in ("ink", "ink-soft", "line"))
        return {
            "aria": False,
            "font": FONT,
            "view": {"stroke": None},
            "title": {
                "anchor": "start", "frame": "bounds", "offset": 14, "color": ink,
                "fontSize": self.text + (5 if self.wide else 3), "fontWeight": 600,
                "subtitleColor": soft, "subtitleFontSize": self.text - (0 if self.wide else 1),
                "subtitlePadding": 6, "subtitleLineHeight": self.text + 4,
            },
            "axis": {
                "labelColor": ink, "titleColor": soft, "labelFontSize": self.text - 1,
                "titleFontSize": self.text - 1, "titleFontWeight": 400, "gridColor": line,
                "domainColor": line, "tickColor": line, "labelLimit": self.names,
            },
            "legend": {
                "labelColor": ink, "titleColor": soft, "labelFontSize": self.text - 1,
                "titleFontSize": self.text - 1, "titleFontWeight": 400, "labelLimit": self.names,
                "symbolStrokeWidth": 3,
            },
            "text": {"color": ink, "fontSize": self.text - 1},
        }  # fmt: skip


@cache
def _colours() -> dict[str, tuple[str, str]]:
    return {name: (light, dark) for name, light, dark in _COLOUR.findall(_TOKENS.read_text())}
