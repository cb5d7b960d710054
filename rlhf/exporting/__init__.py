"""Votes and thumbs as training data: one module per format, one writer for all of them.

    from rlhf.exporting import FORMATS, write_file, write_rows

Every format is JSON Lines. Every row carries `split`, "train" or "test", decided by a hash of the
conversation's first prompt (see `splits`). No row says which rater it came from.
"""

from rlhf.exporting import lmsys, ranking, trl_preference, trl_unpaired
from rlhf.exporting.files import Cancelled, Export, write_file, write_rows
from rlhf.exporting.formats import Format, UnknownFormat, ignore_progress
from rlhf.exporting.splits import split_of

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (trl_preference.FORMAT, trl_unpaired.FORMAT, ranking.FORMAT, lmsys.FORMAT)
}


def get_format(name: str) -> Format:
    """The format of that name; raises UnknownFormat with the names there are."""
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise UnknownFormat(f"There is no format {name!r}. Choose one of: {known}.") from None


__all__ = [
    "FORMATS",
    "Cancelled",
    "Export",
    "Format",
    "UnknownFormat",
    "get_format",
    "ignore_progress",
    "split_of",
    "write_file",
    "write_rows",
]
