"""Prompt, completion and a label, as TRL's KTOTrainer reads them: one row for each thumb.

Votes give nothing: a rank says better or worse than another response, never good or bad. `prompt`
holds the whole conversation before the response. Thumbs of battles whose vote was taken out of the
count are left out; thumbs of battles without a vote are in.
"""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.selectors import Thumb


def rows_of(thumb: Thumb) -> list[Row] | None:
    *before, text = thumb.texts
    if not all(said.strip() for said in thumb.texts):
        return None
    prompt = []
    for asked, answered in zip(thumb.prompts, before, strict=False):
        prompt.append({"role": "user", "content": asked})
        prompt.append({"role": "assistant", "content": answered})
    prompt.append({"role": "user", "content": thumb.prompts[-1]})
    return [
        {
            "prompt": prompt,
            "completion": [{"role": "assistant", "content": text}],
            "label": thumb.up,
            "split": split_of(thumb.prompts[0]),
        }
    ]


FORMAT = Format(
    name="trl-unpaired",
    title=_("Thumbs (TRL, unpaired)"),
    description=_("One row per thumb: prompt, completion, label true for up and false for down."),
    purpose=_("For KTO, here or elsewhere."),
    columns={"prompt": "messages", "completion": "messages", "label": "bool", "split": "text"},
    of_thumb=rows_of,
)
