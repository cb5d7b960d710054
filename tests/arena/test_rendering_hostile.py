"""Text that is meant to harm: it does not run, loads nothing, and costs what it is long."""

import re
from collections.abc import Callable

import pytest

from arena.rendering import StreamRenderer, markdown, render, stream

# One line for each way into a page that scanners and cheat sheets list.
ATTACKS = r"""
<script>alert(1)</script>
<ScRiPt src=//evil.example/x.js></sCrIpT>
<img src=x onerror=alert(1)>
<img src="x" srcset="//evil.example 2x">
<svg onload=alert(1)><animate onbegin=alert(1)></svg>
<svg><script>alert(1)</script></svg>
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph>
<math href="javascript:alert(1)">x</math>
<math><annotation-xml encoding="text/html"><script>alert(1)</script></annotation-xml></math>
<math><maction actiontype="statusline#x" xlink:href="javascript:alert(1)">x</maction></math>
<iframe src=//evil.example></iframe>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<object data=//evil.example></object><embed src=//evil.example>
<form action=//evil.example><button>go</button><input name=x></form>
<style>@import "//evil.example/x.css";</style>
<link rel=stylesheet href=//evil.example><base href=//evil.example>
<meta http-equiv=refresh content="0;url=//evil.example">
<video src=//evil.example autoplay></video><audio src=//evil.example>
<body onload=alert(1)><details open ontoggle=alert(1)>
<a href="javascript:alert(1)">x</a>
<div style="background:url(//evil.example)">x</div>
<noscript><p title="</noscript><img src=x onerror=alert(1)>">
<template><img src=x onerror=alert(1)></template>
<xmp><script>alert(1)</script></xmp><plaintext>
<!--><script>alert(1)</script>-->
<![CDATA[<script>alert(1)</script>]]>
<?php alert(1) ?>
[x](javascript:alert(1))
[x](JaVaScRiPt:alert(1))
[x](java&#x0A;script:alert(1))
[x](&#106;avascript:alert(1))
[x](data:text/html;base64,PHNjcmlwdD4=)
[x](vbscript:msgbox)
[x](file:///etc/passwd)
[x](//evil.example)
[x](/logout/)
[x](https://y "onmouseover=alert(1)")
[x](https://y"onmouseover="alert(1))
[x](<javascript:alert(1)>)
<javascript:alert(1)>
<https://y"onclick="alert(1)>
https://y"onclick="alert(1)
www.y.example/'onclick='alert(1)
![x](https://evil.example/pixel.png)
![x](data:image/svg+xml,<svg/onload=alert(1)>)
![x"onerror="alert(1)](https://evil.example)
[![x](https://evil.example/p.png)](javascript:alert(1))
[x]: javascript:alert(1)
[^"><script>alert(1)</script>]
- [x] <img src=x onerror=alert(1)>
|<script>alert(1)</script>|
```"><script>alert(1)</script>
```html onmouseover=alert(1)
`<script>alert(1)</script>`
$\text{<script>alert(1)</script>}$
$\href{javascript:alert(1)}{x}$
$\style{background:url(//evil.example)}{x}$
$\class{x" onclick="alert(1)}{y}$
$"><script>alert(1)</script>$
$$\text{</math><img src=x onerror=alert(1)>}$$
\(\color{red" onclick="alert(1)}{x}\)
&lt;script&gt;alert(1)&lt;/script&gt;
&#60;script&#62;alert(1)&#60;/script&#62;
""".strip().split("\n")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    "around", ["{}", "> {}", "- {}", "# {}", "**{}**", "a\n-|\n{}|", "$$\n{}\n$$", "```\n{}\n```"]
)
def test_nothing_runs_and_nothing_is_loaded(attack: str, around: str) -> None:
    html = render(around.format(attack))
    for tag in re.findall(r"<[^>]*>", html):
        assert not re.match(
            r"</?(script|img|svg|iframe|object|embed|form|input|button|style|link|base|meta|video"
            r"|audio|body|details|template|annotation-xml|maction|mglyph)\b",
            tag,
            re.IGNORECASE,
        )
        attributes = re.sub(r'"[^"]*"', '""', tag)
        assert not re.search(r"\b(on\w+|style|src|srcset|srcdoc|action|xlink:href)=", attributes)
        assert not re.search(r'href="(?!https?://|mailto:)', tag)


LONG = 200_000
SHAPES: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "x" * n,
    "words without a line's end": lambda n: "word " * (n // 5),
    "emphasis": lambda n: "*a _b " * (n // 6),
    "brackets": lambda n: "[" * n,
    "links": lambda n: "[a](b " * (n // 6),
    "quotes in quotes": lambda n: ">" * n,
    "lists in lists": lambda n: "- " * (n // 2),
    "deeper and deeper": lambda n: "".join(" " * i + "- a\n" for i in range(int((2 * n) ** 0.5))),
    "ticks": lambda n: "`a``b```c" * (n // 9),
    "entities": lambda n: "&" * n,
    "dollars": lambda n: "$" * n,
    "open formulas": lambda n: "\\(" * (n // 2),
    "formulas": lambda n: "$a+b$ " * (n // 6),
    "displayed formulas": lambda n: "$$\n" * (n // 3),
    "addresses": lambda n: "www." * (n // 4),
    "address with brackets": lambda n: "https://a.example/" + ")" * n,
    "footnotes": lambda n: "[^a]: " * (n // 6),
    "a wide table": lambda n: "a|" * (n // 4) + "\n" + "-|" * (n // 4),
    "a table that widens": lambda n: "a|" * 4_000 + "\n" + "-|" * 4_000 + "\n" + "b|\n" * (n // 3),
    "a long table": lambda n: "a|b\n-|-\n" + "one cell of a row|another\n" * (n // 26),
    "fences": lambda n: "```py\nx\n```\n" * (n // 12),
    "an open fence": lambda n: "```py\n" + "x = 1\n" * (n // 6),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_comes_out_is_bounded_by_what_goes_in(shape: str) -> None:
    text = SHAPES[shape](LONG)
    assert len(render(text)) < 30 * len(text) + 700_000  # the tables' cells that markdown-it adds


class Meter:
    """Counts the characters that the parser is given and those that come out of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = self.written = 0
        monkeypatch.setattr(stream, "parse", self._parse)
        monkeypatch.setattr(stream, "html_of", self._html_of)

    def _parse(self, source: str) -> list[markdown.Block]:
        self.read += len(source)
        return markdown.parse(source)

    def _html_of(self, blocks: list[markdown.Block], *, plain_code: bool = False) -> list[str]:
        html = markdown.html_of(blocks, plain_code=plain_code)
        self.written += sum(map(len, html))
        return html


def spent(text: str, monkeypatch: pytest.MonkeyPatch, *, step: int) -> Meter:
    meter = Meter(monkeypatch)
    renderer = StreamRenderer()
    for start in range(0, len(text), step):
        renderer.feed(text[start : start + step])
    renderer.finish()
    return meter


STEP = 400
# A block of up to SHORT_TAIL characters is drawn at each step; a longer one after it has grown by
# GROWTH: a geometric series, whose sum is 1 + 1/GROWTH times the length.
READ_PER_CHARACTER = stream.SHORT_TAIL / STEP + 1 + 1 / stream.GROWTH + 2


@pytest.mark.parametrize("shape", ["one word", "a long table", "an open fence", "dollars"])
@pytest.mark.parametrize("length", [20_000, 80_000])
def test_a_stream_costs_what_it_is_long(
    shape: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SHAPES[shape](length)
    meter = spent(text, monkeypatch, step=STEP)
    assert meter.read <= READ_PER_CHARACTER * len(text)
    assert meter.written <= 12 * READ_PER_CHARACTER * len(text)


def test_paragraphs_are_read_about_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    text = ("word " * 40 + "\n\n") * 500
    meter = spent(text, monkeypatch, step=40)
    assert meter.read <= 12 * len(text)
