"""GitHub's Markdown and mathematics in what contenders write."""

import pytest

from arena.rendering import render
from arena.rendering.code import LANGUAGES, _lexer


def test_bare_addresses_become_links_without_the_sentence_around_them() -> None:
    html = render("See https://a.example/Foo_(bar), (www.b.example/x). Not a.b or www. here.")
    assert '<a href="https://a.example/Foo_(bar)" ' in html
    assert ">https://a.example/Foo_(bar)</a>, (" in html
    assert '<a href="https://www.b.example/x" ' in html
    assert ">www.b.example/x</a>)." in html
    assert html.count("<a ") == 2


def test_an_address_in_a_link_or_in_code_is_left_alone() -> None:
    html = render("[www.a.example](https://b.example) and `https://c.example`")
    assert html.count("<a ") == 1


def test_task_lists_show_their_boxes_as_letters() -> None:
    html = render("- [ ] open\n- [x] done\n- [y] neither\n")
    assert '<li class="task">☐ open</li>' in html
    assert '<li class="task">☑ done</li>' in html
    assert "<li>[y] neither</li>" in html
    assert "<input" not in html


def test_footnotes_are_raised_marks() -> None:
    html = render("True[^1].\n\n[^1]: Says *who*?")
    assert 'True<sup class="footnote">1</sup>.' in html
    assert '<sup class="footnote">1</sup> Says <em>who</em>?' in html


def test_each_block_finds_its_own_direction_and_code_has_one() -> None:
    html = render("שלום\n\nhello\n\n- שלום\n\n```\nx\n```\n\n> a\n\n|a|\n|-|\n\n# b")
    assert html.count('dir="auto"') == 6
    assert '<div class="code" dir="ltr">' in html


def test_every_language_on_the_list_is_known() -> None:
    assert all(_lexer(name) for name in LANGUAGES)


@pytest.mark.parametrize("text", ["$x^2$", r"\(x^2\)", "a $x^2$, b", r"(\(x^2\))", "$$x^2$$ holds"])
def test_a_formula_in_a_line_is_mathml(text: str) -> None:
    html = render(text)
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in html
    assert 'alttext="x^2"' in html
    assert html.startswith("<p ")


@pytest.mark.parametrize(
    "text",
    [
        "$$x^2$$",
        "$$\nx^2\n$$",
        "\\[\nx^2\n\\]",
        r"\[x^2\]",
        "text\n\\[\nx^2\n\\]\nmore",
        "$$x^2\n$$",
    ],
)
def test_a_formula_on_its_own_is_displayed(text: str) -> None:
    html = render(text)
    assert '<div class="math" dir="ltr"><math display="block" alttext="x^2">' in html
    assert ("<p " in html) == ("text" in text)


def test_a_formula_in_a_list_stays_in_it() -> None:
    assert "<math" in render("- so\n  \\[\n  x\n  \\]\n").split("</ul>")[0]


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "$5-$10",
        "US$5, US$6",
        "$ x $",
        r"\$x\$",
        "`$x$`",
        "    $x$",
        "```\n$$x$$\n```",
        "a $ b",
        "$$",
        r"\(unclosed",
    ],
)
def test_money_and_code_are_no_formulas(text: str) -> None:
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{a",
        "}{",
        r"\newcommand{\x}{\x\x}\x",
        r"\def\x{y}\x",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\begin{matrix}",
        r"\left(x",
        "x^",
        "{" * 40 + "}" * 40,
        "x" * 2_001,
    ],
)
def test_what_cannot_be_converted_is_shown_as_it_was_written(formula: str) -> None:
    for text in (f"a ${formula}$ b", f"$$\n{formula}\n$$"):
        html = render(text)
        assert "<math" not in html
        assert "$" in html


def test_an_unclosed_formula_ends_with_its_paragraph() -> None:
    html = render("$$\nx + y\n\nNext *one*")
    assert html == '<p dir="auto">$$<br>\nx + y</p>\n<p dir="auto">Next <em>one</em></p>\n'


def test_markup_in_a_formula_is_text() -> None:
    html = render(r"$\text{<img src=x onerror=alert(1)></math><b>}$")
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img" in html


def test_nothing_in_a_formula_leaves_its_place() -> None:
    html = render(r"$\hspace{999999em}\raisebox{-99em}{x}\class{y}{z}\rule{9999em}{1em}$")
    assert "9999" not in html.replace('alttext="', "\0").split("\0")[0]
    assert "voffset" not in html
    assert "class=" not in html


@pytest.mark.parametrize("name", ["aligned", "align", "align*", "gathered", "split"])
def test_several_lines_stand_below_each_other_without_numbers(name: str) -> None:
    html = render(f"$$\n\\begin{{{name}}}a&=b\\\\c&=d\\end{{{name}}}\n$$")
    assert html.count("<mtr>") == 2
    assert "(1)" not in html


def test_limits_stand_above_and_below_a_displayed_sum() -> None:
    assert "<munderover><mo>∑</mo>" in render("$$\\sum_{i=1}^n i$$")
    assert "<msubsup><mo>∑</mo>" in render("so $\\sum_{i=1}^n i$")
