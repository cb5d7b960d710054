"""A vote as training sees it: one prompt, the conversations that followed, their ranks.

Responses without text (failed, or imported without texts) are left out; a vote with fewer than two
others gives no example. System prompts are left out too: the rater never saw them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from django.utils.crypto import salted_hmac

from arena import selectors as arena
from arena.selectors import DecidedVote, RatedResponse
from rlhf.exporting.formats import Row
from rlhf.exporting.splits import Split, split_of

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One contender's side of a battle. `answers` has one text per prompt of the example."""

    contender: str
    rank: int
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A vote with texts. Ranks are dense: 1 is best, ties share a rank, no rank is left out."""

    vote_id: int
    category: str
    cast_at: datetime
    judge: str
    all_bad: bool
    prompts: tuple[str, ...]
    candidates: tuple[Candidate, ...]

    @property
    def split(self) -> Split:
        return split_of(self.prompts[0])

    @property
    def opening(self) -> Messages:
        """The part that all candidates share: the first prompt."""
        return [{"role": "user", "content": self.prompts[0]}]

    def completion(self, candidate: Candidate) -> Messages:
        """All that followed the first prompt on this candidate's side."""
        return self.conversation(candidate)[1:]

    def conversation(self, candidate: Candidate) -> Messages:
        messages: Messages = []
        for prompt, answer in zip(self.prompts, candidate.answers, strict=True):
            messages.append({"role": "user", "content": prompt})
            messages.append({"role": "assistant", "content": answer})
        return messages

    def pairs(self) -> Iterator[tuple[Candidate, Candidate]]:
        """Every pair of candidates, the earlier position first."""
        return combinations(self.candidates, 2)


def pseudonym(rater_id: int) -> str:
    """The rater's name outside: the same within this installation, unlinkable beyond it."""
    return salted_hmac("rlhf.exporting.rater", str(rater_id), algorithm="sha256").hexdigest()[:16]


def example_of(vote: DecidedVote) -> Example | None:
    """The vote as an example, or None where fewer than two responses have texts."""
    told = [response for response in vote.responses if _has_texts(response, len(vote.prompts))]
    if len(told) < 2:
        return None
    levels = sorted({response.rank for response in told})
    return Example(
        vote_id=vote.vote_id,
        category=vote.category,
        cast_at=vote.cast_at,
        judge=pseudonym(vote.rater_id),
        all_bad=vote.all_bad,
        prompts=vote.prompts,
        candidates=tuple(
            Candidate(
                contender=response.contender_slug,
                rank=levels.index(response.rank) + 1,
                answers=response.texts,
            )
            for response in told
        ),
    )


def _has_texts(response: RatedResponse, turns: int) -> bool:
    return (
        turns > 0 and len(response.texts) == turns and all(text.strip() for text in response.texts)
    )


def count_votes(population: str) -> int:
    """How many votes count in a population."""
    return arena.counted_votes(population).count()


def rows_per_vote(
    rows: Callable[[Example], Sequence[Row]],
) -> Callable[[str], Iterator[Sequence[Row] | None]]:
    """A format's `rows` from a function that turns one example into rows."""

    def read(population: str) -> Iterator[Sequence[Row] | None]:
        for vote in arena.decided_votes(population, texts=True):
            example = example_of(vote)
            yield None if example is None else rows(example)

    return read
