"""Which prompts are kept for testing: decided by the prompt alone, the same on every machine."""

import hashlib
from typing import Literal

Split = Literal["train", "test"]
TEST_PERCENT = 10
SPLITS: tuple[Split, ...] = ("train", "test")


def canonical(prompt: str) -> str:
    """What a prompt has in common with those that count as the same."""
    return " ".join(prompt.split()).casefold()


def split_of(prompt: str, test_percent: int = TEST_PERCENT) -> Split:
    """The side of a prompt. Case and white space do not matter, so near copies stay together.

    A larger `test_percent` holds out the same prompts and more.
    """
    digest = hashlib.sha256(canonical(prompt).encode("utf-8", "surrogatepass")).digest()
    return "test" if int.from_bytes(digest[:8], "big") % 100 < test_percent else "train"
