"""From a selection to the rows of a format, chunk by chunk, with what was counted on the way."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rlhf import selectors
from rlhf.exporting.formats import Format, Row, ignore_progress
from rlhf.exporting.scrubbing import Scrubber
from rlhf.selection import Selection
from rlhf.selectors import Judged, Thumb


@dataclass(slots=True)
class Counts:
    """What was read: `items` votes (or thumbs), of which `skipped` had no texts that fit.

    last: the number of the newest among them; reading begins after it.
    """

    items: int = 0
    last: int = 0
    skipped: int = 0
    disputed: int = 0  # not among the items
    ties: int = 0  # votes with two equal ranks, those that tie all among them
    all_bad: int = 0
    several_turns: int = 0
    repeated: int = 0  # rows left out because their prompt was there before
    equal: int = 0  # rows of a file left out because both responses are the same
    tools: int = 0  # because tools take part
    parts: int = 0  # because parts of them are no text
    scrubbed: dict[str, int] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """One more in the field of that name."""
        setattr(self, name, getattr(self, name) + 1)

    def restore(self, told: Mapping[str, Any]) -> None:
        """Be as `asdict` told it once."""
        for name, value in told.items():
            setattr(self, name, value)


def count_items(form: Format, selection: Selection) -> int:
    """How many votes (or thumbs) there are to read, disputed ones included."""
    if form.unit == "thumb":
        return selectors.chosen_thumbs(selection).count()
    return selectors.chosen_votes(selection).count()


def read_rows(
    form: Format,
    selection: Selection,
    counts: Counts,
    *,
    disputed: "array[int] | None" = None,
    before: Iterable[Row] = (),
    progress: Callable[[int, int], None] = ignore_progress,
) -> Iterator[list[Row]]:
    """The rows of each chunk, in the order cast. `progress(done, total)` may raise Cancelled.

    Nothing is read before the first chunk is asked for; then what comes after `counts.last`.

    `disputed`: the votes to leave out, if they were looked for before. `before`: the rows that were
    read up to `counts.last`, of which a prompt is not repeated.
    """
    total = count_items(form, selection)
    progress(0, total)
    scrubber = Scrubber(counts.scrubbed) if selection.scrub else None
    seen: set[int] = set(map(_mark, before)) if form.once_per_prompt else set()
    for rows in (
        _thumb_rows(form, selection, counts, scrubber)
        if form.unit == "thumb"
        else _vote_rows(form, selection, counts, scrubber, disputed)
    ):
        yield _once(rows, seen, counts) if form.once_per_prompt else rows
        progress(counts.items, max(counts.items, total))
    progress(counts.items, counts.items)


def _vote_rows(
    form: Format,
    selection: Selection,
    counts: Counts,
    scrubber: Scrubber | None,
    disputed: "array[int] | None",
) -> Iterator[list[Row]]:
    of_vote = form.of_vote
    assert of_vote is not None
    votes = selectors.chosen_votes(selection)
    if disputed is None:
        disputed = selectors.disputed_of(selection)
    counts.disputed = len(disputed)
    for chunk in selectors.judged_votes(votes, after=counts.last, timed=form.timed):
        told = selectors.without(disputed, chunk) if disputed else chunk
        counts.last = chunk[-1].vote_id if chunk else counts.last
        counts.items += len(told)
        rows: list[Row] = []
        for vote in told:
            made = None
            if vote.sides:
                made = of_vote(vote if scrubber is None else _scrubbed(vote, scrubber))
            if made is None:
                counts.skipped += 1
                continue
            rows += made
            _count(vote, counts)
        yield rows


def _count(vote: Judged, counts: Counts) -> None:
    if len({side.rank for side in vote.sides}) < len(vote.sides):
        counts.ties += 1
        counts.all_bad += vote.all_bad
    if len(vote.prompts) > 1:
        counts.several_turns += 1


def _thumb_rows(
    form: Format, selection: Selection, counts: Counts, scrubber: Scrubber | None
) -> Iterator[list[Row]]:
    of_thumb = form.of_thumb
    assert of_thumb is not None
    for chunk in selectors.thumbs(selectors.chosen_thumbs(selection), after=counts.last):
        counts.last = chunk[-1].id
        counts.items += len(chunk)
        rows: list[Row] = []
        for thumb in chunk:
            made = of_thumb(thumb if scrubber is None else _scrubbed_thumb(thumb, scrubber))
            if made is None:
                counts.skipped += 1
            else:
                rows += made
        yield rows


def _once(rows: list[Row], seen: set[int], counts: Counts) -> list[Row]:
    """Without rows whose prompt was seen."""
    kept: list[Row] = []
    for row in rows:
        mark = _mark(row)
        if mark in seen:
            counts.repeated += 1
        else:
            seen.add(mark)
            kept.append(row)
    return kept


def _mark(row: Row) -> int:
    """64 bits of the hash of its prompt, of which there may be a million."""
    return hash(str(row["prompt"][0]["content"]))


def _scrubbed(vote: Judged, scrubber: Scrubber) -> Judged:
    return vote._replace(
        prompts=tuple(map(scrubber, vote.prompts)),
        sides=tuple(
            side._replace(answers=tuple(map(scrubber, side.answers))) for side in vote.sides
        ),
    )


def _scrubbed_thumb(thumb: Thumb, scrubber: Scrubber) -> Thumb:
    return replace(
        thumb,
        prompts=tuple(map(scrubber, thumb.prompts)),
        texts=tuple(map(scrubber, thumb.texts)),
    )
