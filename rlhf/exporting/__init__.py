"""Votes and thumbs as training data: one module per format, one writer for all of them.

    from rlhf.exporting import FORMATS, write_file, write_folder, write_rows

Every row carries `split`, "train" or "test", decided by a hash of the conversation's first prompt
(see `splits`). A rater is at most a
pseudonym (see `examples`).
"""

from rlhf.exporting import (
    llama_factory,
    lmsys,
    ranking,
    text,
    trl_preference,
    trl_prompt_only,
    trl_sft,
    trl_unpaired,
)
from rlhf.exporting.cards import MANIFEST, beside, manifest_of
from rlhf.exporting.containers import CONTAINERS
from rlhf.exporting.files import (
    Cancelled,
    Export,
    Part,
    unfinished_rows,
    write_file,
    write_folder,
    write_rows,
)
from rlhf.exporting.formats import Format, UnknownFormat, ignore_progress
from rlhf.exporting.nothing import why_no_rows
from rlhf.exporting.reading import Counts, count_items, read_rows
from rlhf.exporting.splits import canonical, split_of
from rlhf.exporting.surveying import Survey, gives_nothing, preview, survey

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        trl_preference.FORMAT,
        trl_unpaired.FORMAT,
        trl_prompt_only.FORMAT,
        trl_sft.FORMAT,
        ranking.FORMAT,
        lmsys.FORMAT,
        llama_factory.FORMAT,
    )
}
TEXT = text.FORMAT  # no votes make it, so nobody can choose it for them


def known_format(name: str) -> Format:
    """The format that a dataset has, be it made of votes or of a file's documents."""
    return TEXT if name == TEXT.name else get_format(name)


def get_format(name: str) -> Format:
    """The format of that name; raises UnknownFormat with the names there are."""
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise UnknownFormat(f"There is no format {name!r}. Choose one of: {known}.") from None


__all__ = [
    "CONTAINERS",
    "FORMATS",
    "MANIFEST",
    "TEXT",
    "Cancelled",
    "Counts",
    "Export",
    "Format",
    "Part",
    "Survey",
    "UnknownFormat",
    "beside",
    "canonical",
    "count_items",
    "get_format",
    "gives_nothing",
    "ignore_progress",
    "known_format",
    "manifest_of",
    "preview",
    "read_rows",
    "split_of",
    "survey",
    "unfinished_rows",
    "why_no_rows",
    "write_file",
    "write_folder",
    "write_rows",
]
