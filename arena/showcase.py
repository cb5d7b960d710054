"""What /components/ shows of the design: its values, and examples of the parts of a battle."""

from typing import Any

from django.utils.safestring import mark_safe

from arena.pages.battle import PLACES
from arena.rendering import render

COLOURS = [
    "ground", "sunken", "surface", "line", "line-strong", "ink", "ink-soft", "accent",
    "accent-strong", "accent-soft", "good", "good-soft", "warn", "warn-soft", "bad", "bad-soft",
    "info", "info-soft", "mark",
]  # fmt: skip
STYLES = [
    f"css/{name}.css"
    for name in ["segmented", "composer", "prose", "battle", "panels", "ballot", "lab", "examples"]
]
SPACES = range(1, 9)
STATES = [
    ("A", "pending", "busy", "Thinking"),
    ("B", "streaming", "busy", "Writing"),
    ("C", "done", "", ""),
    ("A", "stopped", "warn", "Stopped"),
    ("B", "error", "bad", "Failed"),
]
RANKING = [("A", 2), ("B", 1), ("C", None)]
SAMPLE = r"""# A heading

Words, *emphasis*, `code`, [a link](https://example.org) and mathematics: $e^{i\pi} + 1 = 0$[^1].

$$\sum_{i=1}^{n} i = \frac{n(n+1)}{2}$$

- [x] a task that is done
- [ ] one that is not

> A quotation.

```python
def area(radius: float) -> float:
    return 3.14159 * radius**2  # a comment
```

| left | right |
|:--|--:|
| a | 1 |

זה נקרא מימין לשמאל.

[^1]: A note.
"""


def examples() -> dict[str, Any]:
    """The template's context."""
    return {
        "colours": COLOURS,
        "styles": STYLES,
        "spaces": SPACES,
        "states": STATES,
        "ranking": RANKING,
        "places": list(PLACES.items()),
        "sample": mark_safe(render(SAMPLE)),  # cleaned by arena.rendering
    }
