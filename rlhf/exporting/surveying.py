"""What a selection would yield, before it is frozen: exact counts, and a look at a sample.

The votes are counted by the database. Rows, lengths, languages and copies come from at most SAMPLE
votes, evenly spread over the selection: the same ones each time, so a manifest can be checked. With
fewer votes than that, all figures are exact.

A prompt's near copy is hardly ever in the same sample, so the sample's prompts for testing are
compared with the first prompts of many more votes.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import chain
from math import ceil
from typing import Any

import numpy as np
from django.db.models import QuerySet

from arena.models import Vote
from rlhf import selectors
from rlhf.exporting.examples import conversation
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.reading import Counts, count_items, read_rows
from rlhf.exporting.similarity import copied
from rlhf.exporting.splits import split_of
from rlhf.selection import Selection
from rlhf.selectors import Judged

SAMPLE = 2_000
COMPARED = 50_000  # votes whose first prompts are read, without what was answered
MOST_CHARACTERS = 10_000_000  # of these prompts
AT_ONCE = 10_000
PREVIEWED = 5
LOOKED_AT = 200  # votes, of which some may give no row
LEAST_PROBABILITY = 0.8
LANGUAGES_SHOWN = 8
PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True)
class Survey:
    """`votes` (and `thumbs`) are all of the selection; the rest is of the `sampled` votes.

    `rows` by format are of these too, but those of thumbs are of all thumbs on a text.
    Characters are the 5th, 50th and 95th percentile. `prompts` are the different first prompts
    (case and spaces aside), `copies` the votes on the same prompt with the same texts as an
    earlier one. `leaking` of the `test_prompts` are near copies of one of the `compared` prompts
    for training; a `lower_bound` if the selection has more of these.
    """

    votes: int
    thumbs: int
    disputed: int
    sampled: int
    without_texts: int
    ties: int
    all_bad: int
    several_turns: int
    rows: dict[str, int]
    prompt_characters: tuple[int, ...]
    response_characters: tuple[int, ...]
    languages: dict[str, int]
    prompts: int
    copies: int
    test_prompts: int
    leaking: int
    compared: int
    lower_bound: bool

    @property
    def exact(self) -> bool:
        return self.sampled >= self.votes - self.disputed

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def survey(
    selection: Selection, formats: "dict[str, Format]", disputed: "array[int] | None" = None
) -> Survey:
    """Look at a selection. `disputed`: as for `read_rows`."""
    votes = selectors.chosen_votes(selection)
    if disputed is None:
        disputed = selectors.disputed_of(selection)
    numbers = _numbers(votes, set(disputed))
    sample = _sample(numbers)
    told = [vote for vote in sample if vote.sides]
    thumbs = selectors.chosen_thumbs(selection)
    tied = [vote for vote in told if len({side.rank for side in vote.sides}) < len(vote.sides)]
    prompts = _different(vote.prompts[0] for vote in told)
    tested = [prompt for prompt in prompts if split_of(prompt) == "test"]
    others, whole = (prompts, True) if len(sample) == len(numbers) else _prompts_of(numbers)
    trained = [prompt for prompt in others if split_of(prompt) == "train"]
    return Survey(
        votes=votes.count(),
        thumbs=thumbs.count(),
        disputed=len(disputed),
        sampled=len(sample),
        without_texts=len(sample) - len(told),
        ties=len(tied),
        all_bad=sum(vote.all_bad for vote in tied),
        several_turns=sum(len(vote.prompts) > 1 for vote in told),
        rows={
            name: thumbs.exclude(response__text="").count()
            if form.unit == "thumb"
            else _count_rows(form, told)
            for name, form in formats.items()
        },
        prompt_characters=_percentiles(len(prompt) for vote in told for prompt in vote.prompts),
        response_characters=_percentiles(
            len(text) for vote in told for side in vote.sides for text in side.answers
        ),
        languages=_languages(prompts),
        prompts=len(prompts),
        copies=len(told) - len({_content(vote) for vote in told}),
        test_prompts=len(tested),
        leaking=len(copied(tested, trained)),
        compared=len(trained),
        lower_bound=not whole,
    )


def preview(form: Format, selection: Selection, disputed: "array[int] | None" = None) -> list[Row]:
    """The first rows, as they will be written. `disputed`: as for `read_rows`."""
    if form.unit == "vote" and selection.agreement == "any":
        # Disputes need all votes; else the first ones are enough, and need not be counted first.
        first = selectors.chosen_votes(selection).values_list("pk", flat=True)[:LOOKED_AT]
        selection = replace(selection, last_vote=max(first, default=0))
    rows = chain.from_iterable(read_rows(form, selection, Counts(), disputed=disputed))
    return [row for row, _ in zip(rows, range(PREVIEWED), strict=False)]


def gives_nothing(form: Format, selection: Selection) -> bool:
    """Whether there is no row; only a selection small enough to be read whole is known for it."""
    if count_items(form, selection) > SAMPLE:
        return False
    return not any(read_rows(form, selection, Counts()))


def _count_rows(form: Format, votes: Iterable[Judged]) -> int:
    """The rows that votes give in a format of votes."""
    assert form.of_vote is not None
    rows = chain.from_iterable(form.of_vote(vote) or () for vote in votes)
    if form.once_per_prompt:
        return len({str(row["prompt"]) for row in rows})
    return sum(1 for _ in rows)


def _numbers(votes: QuerySet[Vote], disputed: set[int]) -> "array[int]":
    keys = votes.values_list("pk", flat=True).iterator()
    return array("q", (n for n in keys if n not in disputed))


def _spread(numbers: "array[int]", most: int) -> "array[int]":
    """At most so many of the numbers, evenly spread."""
    step = max(1.0, len(numbers) / most)
    return array("q", (numbers[int(i * step)] for i in range(min(most, len(numbers)))))


def _sample(numbers: "array[int]") -> list[Judged]:
    votes = Vote.objects.filter(pk__in=_spread(numbers, SAMPLE))
    return list(chain.from_iterable(selectors.judged_votes(votes, timed=True)))


def _prompts_of(numbers: "array[int]") -> tuple[list[str], bool]:
    """The different first prompts of votes, and whether these are all."""
    spread = _spread(numbers, COMPARED)
    # Each part is spread over the selection, so that what a limit cuts off is too.
    parts = ceil(len(spread) / AT_ONCE)
    asked = chain.from_iterable(selectors.first_prompts(spread[i::parts]) for i in range(parts))
    read: list[str] = []
    characters = 0
    for prompt in asked:
        characters += len(prompt)
        if characters > MOST_CHARACTERS:
            return _different(read), False
        read.append(prompt)
    return _different(read), len(spread) == len(numbers)


def _different(prompts: Iterable[str]) -> list[str]:
    """Without those that are the same but for case and spaces."""
    return list({" ".join(prompt.split()).casefold(): prompt for prompt in prompts}.values())


def _content(vote: Judged) -> str:
    return repr(sorted(str(conversation(vote, side)) for side in vote.sides))


def _percentiles(lengths: Iterator[int]) -> tuple[int, ...]:
    values = list(lengths)
    return tuple(int(v) for v in np.percentile(values, PERCENTILES)) if values else ()


def _languages(prompts: list[str]) -> dict[str, int]:
    """Prompts by language, the most frequent first; "" where it cannot be told."""
    identify = _identifier()
    found: Counter[str] = Counter()
    for prompt in prompts:
        language, probability = identify(prompt)
        found[language if probability >= LEAST_PROBABILITY else ""] += 1
    return dict(found.most_common(LANGUAGES_SHOWN))


@cache
def _identifier() -> Any:
    # Imported on first use: the model takes most of a second.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify
