"""Votes of other arenas: read a file, check every row, store what is new."""

from arena.importing.formats import FORMATS
from arena.importing.records import ImportedVote, VoteFileError
from arena.importing.service import ImportSummary, import_votes

__all__ = ["FORMATS", "ImportSummary", "ImportedVote", "VoteFileError", "import_votes"]
