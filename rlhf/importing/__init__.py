"""Preference files of others become rankings that training reads."""

from rlhf.importing.preferences import FILE_FORMATS, read_preferences

__all__ = ["FILE_FORMATS", "read_preferences"]
