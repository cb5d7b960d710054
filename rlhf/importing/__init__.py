"""Files of others: preferences become rankings, texts become documents, which training reads."""

from rlhf.importing.preferences import FILE_FORMATS, read_preferences
from rlhf.importing.texts import read_texts

__all__ = ["FILE_FORMATS", "read_preferences", "read_texts"]
