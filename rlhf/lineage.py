"""Where results come from, laid out as a picture: layers from left to right. No database here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from textwrap import wrap

WIDTH, HEIGHT = 200, 76  # of a box
FITS = 22  # letters in a line
ACROSS, DOWN = 56, 18  # between two boxes


@dataclass(frozen=True, slots=True)
class Node:
    """Something that was made, with its page and what it was made of (keys of other nodes).

    `remark`: what an operator decided of it, who, when and why; `mark` says so in two words.
    """

    key: str
    kind: str
    label: str
    href: str
    made_of: tuple[str, ...] = ()
    remark: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A node with the upper left corner of its box."""

    node: Node
    x: int
    y: int

    @property
    def lines(self) -> tuple[str, ...]:
        """The label, in two lines if need be; of a longer one its ends: there children differ."""
        name = self.node.label
        lines = wrap(name, FITS)
        return tuple(lines) if len(lines) < 3 else (lines[0], f"…{name[1 - FITS :]}")


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in reading order, the paths between them, and the size of it all."""

    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    width: int
    height: int


def draw(nodes: Sequence[Node]) -> Picture:
    """Each node right of everything that it was made of; ValueError if that goes in a circle.

    Within a layer, nodes stand near what they were made of. Unknown keys are left out. A link over
    several layers has a lane of its own in those between, so that no line passes behind a box or
    joins another's.
    """
    known = {node.key: node for node in nodes}
    layers = {node.key: _layer(node, known, ()) for node in nodes}
    made_of = {node.key: [key for key in node.made_of if key in known] for node in nodes}
    reach = dict(layers)
    for key, sources in made_of.items():
        for source in sources:
            reach[source] = max(reach[source], layers[key] - 1)

    boxes: list[Box] = []
    paths: list[str] = []
    before: dict[str, int] = {}  # rows in the layer to the left
    deepest = 0
    for layer in range(max(layers.values(), default=-1) + 1):
        # A lane comes out of its box's lane or box in the layer before.
        sources_of = {key: made_of[key] for key in known if layers[key] == layer}
        sources_of |= {key: [key] for key in known if layers[key] < layer <= reach[key]}
        rows = _rows(sources_of, before)
        for key, row in rows.items():
            x, y = layer * (WIDTH + ACROSS), row * (HEIGHT + DOWN)
            is_box = layers[key] == layer
            if is_box:
                boxes.append(Box(known[key], x, y))
            for source in sources_of[key]:
                across = "" if is_box else f"h{WIDTH}"
                paths.append(_curve(x, before[source] * (HEIGHT + DOWN), y) + across)
            deepest = max(deepest, y)
        before = rows
    return Picture(
        boxes=tuple(boxes),
        paths=tuple(paths),
        width=max((box.x for box in boxes), default=0) + WIDTH,
        height=deepest + HEIGHT,
    )


def _layer(node: Node, known: Mapping[str, Node], above: tuple[str, ...]) -> int:
    if node.key in above:
        raise ValueError(f"{node.label} is made of itself.")
    before = [known[key] for key in node.made_of if key in known]
    return max((1 + _layer(one, known, (*above, node.key)) for one in before), default=0)


def _rows(sources_of: Mapping[str, Sequence[str]], before: Mapping[str, int]) -> dict[str, int]:
    """A row for each key of a layer, at or below the mean row of its sources, from the top."""
    wishes = {
        key: fmean(before[source] for source in sources) if sources else 0.0
        for key, sources in sources_of.items()
    }
    rows: dict[str, int] = {}
    free = 0
    for key in sorted(wishes, key=wishes.__getitem__):
        rows[key] = max(free, int(wishes[key]))
        free = rows[key] + 1
    return rows


def _curve(x: int, start: int, end: int) -> str:
    """Through the gap left of `x`, from one row's middle to another's, as an SVG path."""
    y1, y2, bend = start + HEIGHT // 2, end + HEIGHT // 2, x - ACROSS // 2
    return f"M{x - ACROSS} {y1}C{bend} {y1} {bend} {y2} {x} {y2}"
