"""Where results come from, laid out as a picture: layers from left to right. No database here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 200, 58  # of a box
FITS = 22  # letters in a box
ACROSS, DOWN = 56, 18  # between two boxes


@dataclass(frozen=True, slots=True)
class Node:
    """Something that was made, with its page and what it was made of (keys of other nodes)."""

    key: str
    kind: str
    label: str
    href: str
    made_of: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A node with the upper left corner of its box."""

    node: Node
    x: int
    y: int

    @property
    def label(self) -> str:
        """What fits: children's names differ in their ends."""
        name = self.node.label
        return name if len(name) <= FITS else f"{name[:6]}…{name[7 - FITS :]}"


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in reading order, the paths between them, and the size of it all."""

    boxes: tuple[Box, ...]
    paths: tuple[str, ...]
    width: int
    height: int


def draw(nodes: Sequence[Node]) -> Picture:
    """Each node right of everything that it was made of; ValueError if that goes in a circle.

    Within a layer, nodes stand near what they were made of. Unknown keys are left out.
    """
    known = {node.key: node for node in nodes}
    layers: dict[int, list[Node]] = {}
    for node in nodes:
        layers.setdefault(_layer(node, known, ()), []).append(node)
    rows: dict[str, int] = {}
    for layer in sorted(layers):
        ordered = sorted(layers[layer], key=lambda node: _wish(node, rows))
        free = 0
        for node in ordered:
            rows[node.key] = max(free, int(_wish(node, rows)))
            free = rows[node.key] + 1
        layers[layer] = ordered
    boxes = {
        node.key: Box(node, layer * (WIDTH + ACROSS), rows[node.key] * (HEIGHT + DOWN))
        for layer in sorted(layers)
        for node in layers[layer]
    }
    paths = tuple(
        _path(boxes[key], box) for box in boxes.values() for key in box.node.made_of if key in boxes
    )
    return Picture(
        boxes=tuple(boxes.values()),
        paths=paths,
        width=max((box.x for box in boxes.values()), default=0) + WIDTH,
        height=max((box.y for box in boxes.values()), default=0) + HEIGHT,
    )


def _layer(node: Node, known: Mapping[str, Node], above: tuple[str, ...]) -> int:
    if node.key in above:
        raise ValueError(f"{node.label} is made of itself.")
    before = [known[key] for key in node.made_of if key in known]
    return max((1 + _layer(one, known, (*above, node.key)) for one in before), default=0)


def _wish(node: Node, rows: Mapping[str, int]) -> float:
    """The mean row of what it was made of; first come, first served without any."""
    before = [rows[key] for key in node.made_of if key in rows]
    return sum(before) / len(before) if before else 0.0


def _path(start: Box, end: Box) -> str:
    """From the right edge of one box to the left edge of the other, as an SVG path."""
    x1, y1 = start.x + WIDTH, start.y + HEIGHT // 2
    x2, y2 = end.x, end.y + HEIGHT // 2
    bend = x2 - ACROSS // 2
    return f"M{x1} {y1}H{bend - ACROSS // 4}C{bend} {y1} {bend} {y2} {x2} {y2}"
