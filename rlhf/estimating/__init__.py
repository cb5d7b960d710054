"""How long a run will take and how much memory it needs, before it is queued. No database here.

`shapes` measures a model's folder, `machines` this machine, `work` counts what a stage computes,
`memory` what it holds at its peak; `remaining` tells how long a run that is under way still needs.
The constants are measured on SmolLM2-135M on two cores (docs/decisions/0017-estimates.md); what
earlier runs on the machine took corrects them.
"""

from rlhf.estimating.lengths import tokens_in
from rlhf.estimating.machines import Machine, this_machine
from rlhf.estimating.memory import peak_bytes
from rlhf.estimating.remaining import remaining
from rlhf.estimating.shapes import Shape, read_shape
from rlhf.estimating.work import Examples, Load, work_of

__all__ = [
    "Examples",
    "Load",
    "Machine",
    "Shape",
    "peak_bytes",
    "read_shape",
    "remaining",
    "this_machine",
    "tokens_in",
    "work_of",
]
