"""Blocks of text that grows."""

from arena.rendering.markdown import Block, goes_on, html_of, lines_of, parse

# Up to this length, what may still change is drawn at each feed. A longer block (a list, code) is
# drawn again only when it has grown by this share, so that all drawings together stay linear.
SHORT_TAIL = 6_000
GROWTH = 1 / 8


def render(text: str) -> str:
    """The whole text as HTML."""
    return "".join(html_of(parse(_normal(text))))


class StreamRenderer:
    """Renders text while it grows. Only the last blocks are rendered again.

    The cost is linear in the length of the text: see `SHORT_TAIL`. After `finish` the blocks
    together are what `render` makes of the whole text, however the text was cut.
    """

    def __init__(self) -> None:
        self._tail = ""  # the source from the first block on that may still change, as drawn
        self._waiting: list[str] = []  # what came after it
        self._length = 0  # of both
        self._final = 0  # how many blocks are final
        self._shown = 0  # how many blocks have been given out
        self._held = ""  # a carriage return that may belong to a newline

    def feed(self, text: str) -> tuple[int, str]:
        """Adds text. Returns (n, html): `html` replaces the blocks from number n (from 0) on.

        Without html nothing is to be changed yet.
        """
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        self._take(_normal(text.removesuffix("\r")))
        if SHORT_TAIL < self._length < len(self._tail) * (1 + GROWTH):
            return self._shown, ""
        blocks = parse(self._whole())
        html = html_of(blocks[:-1]) + html_of(blocks[-1:], plain_code=True)
        changed = self._final
        self._shown = changed + len(blocks)
        self._settle(blocks)
        return changed, "".join(html)

    def finish(self) -> tuple[int, str]:
        """The last blocks for good, as `feed` returns them."""
        self._take(_normal(self._held))
        self._held = ""
        return self._final, "".join(html_of(parse(self._whole())))

    def _take(self, text: str) -> None:
        self._waiting.append(text)
        self._length += len(text)

    def _whole(self) -> str:
        self._tail += "".join(self._waiting)
        self._waiting.clear()
        return self._tail

    def _settle(self, blocks: list[Block]) -> None:
        """Blocks before one that has surely begun are final, and so is one that has surely ended.

        Whether a line begins a block depends on it and, for tables, on the next line; so both
        must be complete. An empty line ends most blocks, whatever comes after it.
        """
        lines = self._tail.split("\n")
        complete = len(lines) - 1
        final, line = 0, 0
        for number, block in enumerate(blocks):
            first, after = lines_of(block)
            if first + 2 > complete:
                break
            final, line = number, first
            if after < complete and not lines[after].strip(" \t") and not goes_on(block):
                final, line = number + 1, after
        if final:
            self._tail = "\n".join(lines[line:])
            self._length = len(self._tail)
            self._final += final


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
