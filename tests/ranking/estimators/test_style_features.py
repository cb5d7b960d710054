import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.estimators.style_features import StyleCounts, count_style

ANSWER = """\
# Sorting

Use **quicksort**, or __merge sort__:

- fast
* stable
  1. in *place*
+ short

```python
# not a header
- **not a list**
```

###### The end
"""


def test_a_worked_example():
    counts = count_style(ANSWER)

    assert counts[1:] == (2, 4, 2)
    assert counts == StyleCounts(tokens=counts.tokens, headers=2, lists=4, bold=2)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \n\t", 0),
        ("Hello, world!", 4),
        ("It costs 3.50 €.", 7),
        ("你好，世界", 5),
        ("ラーメンを2つ", 7),
        ("안녕하세요 여러분", 2),
        ("```\nprint(1)\n```", 10),
    ],
)
def test_tokens_are_words_and_marks_code_included(text, tokens):
    assert count_style(text) == (tokens, 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "```\n# a\n- b\n**c**\n```",
        "~~~md\n# a\n- b\n**c**\n~~~",
        "````\n```\n# a\n```\n- b\n````",
        "- ```\n".replace("- ", "  ") + "  # a\n  - **b**\n  ```",
        "```python\n# never closed\n- **b**",
    ],
)
def test_fenced_code_has_no_style(text):
    assert count_style(text)[1:] == (0, 0, 0)


@pytest.mark.parametrize(
    "text",
    ["#hashtag", "####### seven", "-5 degrees", "1.5 litres", "2 * 3 ** 4", "a__b", "**\nno**"],
)
def test_what_only_looks_like_markdown_does_not_count(text):
    assert count_style(text)[1:] == (0, 0, 0)


def test_text_after_a_fence_counts_again():
    assert count_style("```\nx\n```\n# a\n```\ny\n```\n- **b**\n")[1:] == (1, 1, 1)


def test_three_backticks_within_a_line_open_no_fence():
    assert count_style("```ls```\n# a")[1:] == (1, 0, 0)


@given(st.text(alphabet="ab*_#-1. \n`~", max_size=80), st.text(alphabet="ab* \n#-1.", max_size=40))
def test_a_paragraph_further_up_adds_its_own_counts(text, before):
    """Nothing is counted across a blank line, so that turns may be joined by one."""
    joined, parts = count_style(f"{before}\n\n{text}"), (count_style(before), count_style(text))

    assert joined == tuple(map(sum, zip(*parts, strict=True)))


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("\n", (0, 0, 0, 0)),
        ("*", (50_000, 0, 0, 0)),
        ("\n1", (50_000, 0, 0, 0)),
        ("```\n", (150_000, 0, 0, 0)),
        ("**a", (150_000, 0, 0, 25_000)),
        ("- ", (50_000, 0, 1, 0)),
    ],
)
def test_long_repetitions_are_counted_without_backtracking(text, counts):
    """A pattern of quadratic cost would not finish here."""
    assert count_style(text * 50_000) == counts
