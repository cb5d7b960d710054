"""What it costs to render a response while it streams, as a page needs it.

Each text comes in pieces, as events bring them. "Incremental" is what the arena does; "all again"
renders the whole text so far at each event; "once" is one rendering of the finished text, and
"plain" the same by markdown-it-py alone (tables on, no colours, no formulas, nothing cleaned).
"""

import argparse
import time
from collections.abc import Callable

from markdown_it import MarkdownIt

from arena.rendering import StreamRenderer, render
from arena.rendering.mathml import mathml

PIECE = 28  # characters of an event: a tenth of a second at 70 tokens a second
LENGTHS = (1_000, 10_000, 100_000)
ALL_AGAIN_EVENTS = 40  # of them a rendering of the whole is timed, evenly spread

PROSE = "Light is *scattered* by air, **blue** more than red; see `n(x)` ({n}). " * 4 + "\n\n"
LINES = "def total_{n}(rows):\n    return sum(row.price for row in rows)\n"
CODE = f"```python\n{LINES * 6}```\n\n"
TABLE = "| name | price |\n|---|--:|\n" + "| thing {n} | 12.50 |\n" * 16 + "\n"
MATHS = "With $a^2 + b_{n}^2 = c^2$:\n\n$$\\sum_{k={n}}^m \\frac{1}{k^2} < \\frac{\\pi^2}{6}$$\n\n"
TEXTS: dict[str, Callable[[int], str]] = {
    "prose": lambda length: _filled(PROSE, length),
    "code": lambda length: _filled(CODE, length),
    "tables": lambda length: _filled(TABLE, length),
    "mathematics": lambda length: _filled(MATHS, length),
    "one piece of code": lambda length: "```python\n" + _filled(LINES, length - 10),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the best of them is told")
    rounds = parser.parse_args().rounds
    print("CPU time in µs for each character\n")
    print("| text | characters | incremental | all again | once | plain |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, make in TEXTS.items():
        for length in LENGTHS:
            text = make(length)
            costs = [
                min(_fresh(way, text) for _ in range(rounds)) * 1e6 / length
                for way in (incremental, once, plain)
            ]
            again = all_again(text) * 1e6 / length
            figures = [costs[0], again, *costs[1:]]
            print(f"| {name} | {length:,} | " + " | ".join(f"{one:,.2f}" for one in figures) + " |")


def incremental(text: str) -> None:
    renderer = StreamRenderer()
    for start in range(0, len(text), PIECE):
        renderer.feed(text[start : start + PIECE])
    renderer.finish()


def all_again(text: str) -> float:
    """Seconds for rendering the text so far at each event, from a sample of the events."""
    ends = list(range(PIECE, len(text) + PIECE, PIECE))
    step = max(1, len(ends) // ALL_AGAIN_EVENTS)
    sample = ends[step // 2 :: step]
    spent = sum(_seconds(once, text[:end]) for end in sample)
    return spent * len(ends) / len(sample)


def once(text: str) -> None:
    render(text)


def plain(text: str) -> None:
    MarkdownIt("commonmark", {"html": False}).enable("table").render(text)


def _filled(part: str, length: int) -> str:
    parts = (part.replace("{n}", str(number)) for number in range(length // len(part) + 20))
    return "".join(parts)[:length].ljust(length, ".")


def _fresh(way: Callable[[str], None], text: str) -> float:
    """Seconds when no formula has been converted yet: they are remembered."""
    mathml.cache_clear()
    return _seconds(way, text)


def _seconds(way: Callable[[str], None], text: str) -> float:
    begun = time.process_time()
    way(text)
    return time.process_time() - begun


if __name__ == "__main__":
    main()
