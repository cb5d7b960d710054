"""Votes of other arenas: read a file, check every row, store what is new."""

from arena.importing.errors import FileError
from arena.importing.formats import FORMATS
from arena.importing.records import ImportedVote
from arena.importing.service import ImportSummary, import_votes

__all__ = ["FORMATS", "FileError", "ImportSummary", "ImportedVote", "import_votes"]
