"""Datasets without any row for testing: what a stage that tests its result then does."""

from arena.sentences import Sentence

PROMPTS = Sentence(
    "The dataset has no rows for testing, so every fifth of its prompts is held out to test the "
    "reward model."
)
DOCUMENTS = Sentence(
    "The dataset has no rows for testing, so every tenth of its documents, or the last one, is "
    "held out to measure by."
)
HOLDS_OUT = {"reward": PROMPTS, "pretrain": DOCUMENTS}  # the others test on the library's prompts


def held_out_instead(stage: str) -> list[str]:
    """What a stage holds out of a dataset without rows for testing; nothing if it needs none."""
    return [HOLDS_OUT[stage]()] if stage in HOLDS_OUT else []
