"""Files of others: preferences become rankings, texts documents, responses demonstrations."""

from rlhf.importing.chats import Skipped
from rlhf.importing.demonstrations import DEMONSTRATION_FORMATS, read_demonstrations
from rlhf.importing.preferences import FILE_FORMATS, read_preferences
from rlhf.importing.texts import read_texts

__all__ = [
    "DEMONSTRATION_FORMATS",
    "FILE_FORMATS",
    "Skipped",
    "read_demonstrations",
    "read_preferences",
    "read_texts",
]
