"""Votes of a file become battles with their votes."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from arena.importing.bulk import insert_rows, renew_statistics
from arena.importing.formats import ignored_columns, read_votes
from arena.importing.records import JUDGE_PREFIX, ImportedVote
from arena.models import Battle, Contender, Placement, Population, Rater, Response, Turn, Vote
from arena.selectors import DecidedVote, RatedResponse
from arena.signals import vote_cast
from arena.validity import prompt_key

CHUNK = 4_000  # votes in one transaction: short enough for raters not to wait
_NAMESPACE = UUID("6e7a2f0c-9d1b-5b4e-8f3a-2c9d0e4b7a11")

# The fields of the rows below, in their order.
_BATTLE = ["id", "rater", "mode", "state", "population", "category", "tags", "signed_in"]
_BATTLE += ["language", "taken_back", "source", "created_at"]
_VOTE = ["battle", "all_bad", "reasons", "comment", "counted", "not_counted_because"]
_VOTE += ["features", "cast_at"]
_PLACEMENT = [
    "battle",
    "position",
    "contender",
    "propensity",
    "rank",
    "elo_before",
    "elo_after",
]
_TURN = ["battle", "number", "prompt", "prompt_key", "created_at"]
_RESPONSE = [
    "turn",
    "placement",
    "superseded",
    "asked",
    "state",
    "text",
    "error",
    "first_token_s",
    "duration_s",
    "tokens",
    "cut_off",
    "disclosures",
    "masked",
    "created_at",
    "ended_at",
]

Progress = Callable[[int, int], None]  # rows done, rows in the file


@dataclass(slots=True)
class ImportSummary:
    """What an import did. `known` rows were imported before; `uncounted` were not blind."""

    rows: int = 0
    added: int = 0
    known: int = 0
    uncounted: int = 0
    contenders: int = 0
    raters: int = 0
    ignored_columns: list[str] = field(default_factory=list)


def import_votes(
    *, path: Path, file_format: str, progress: Progress | None = None
) -> ImportSummary:
    """Import the votes of a file, in its order, as people's votes on external contenders.

    The whole file is checked before the first row is stored; FileError names the row and
    the reason. Then the votes are stored in transactions of CHUNK votes. A row is known by its
    content and by how many rows before it say the same, so importing a file again adds nothing,
    importing a longer version adds what is new, and an import that was interrupted goes on.
    """
    total = sum(1 for _ in read_votes(path, file_format))
    summary = ImportSummary(ignored_columns=ignored_columns(path, file_format))
    importer = _Importer(f"import:{path.name}", summary)
    rows = _identified(vote for _, vote in read_votes(path, file_format))
    try:
        while chunk := list(islice(rows, CHUNK)):
            importer.store(chunk)
            summary.rows += len(chunk)
            if progress:
                progress(summary.rows, total)
    finally:
        if summary.added:
            renew_statistics(Battle, Placement, Turn, Response, Vote)
        vote_cast.send(sender=Vote, votes=[])
    return summary


def _identified(votes: Iterable[ImportedVote]) -> Iterator[tuple[UUID, ImportedVote]]:
    """Each vote with the id of its battle."""
    seen: Counter[bytes] = Counter()
    for vote in votes:
        digest = hashlib.sha256(vote.content()).digest()
        seen[digest] += 1
        yield uuid5(_NAMESPACE, f"{digest.hex()} {seen[digest]}"), vote


class _Importer:
    """Remembers the contenders and raters of the rows so far."""

    def __init__(self, source: str, summary: ImportSummary) -> None:
        self.source = source[: Battle._meta.get_field("source").max_length]
        self.summary = summary
        self.contenders: dict[str, Contender] = {}
        self.raters: dict[str, int] = {}

    @transaction.atomic
    def store(self, rows: Sequence[tuple[UUID, ImportedVote]]) -> None:
        ids = [battle for battle, _ in rows]
        known = set(Battle.objects.filter(pk__in=ids).values_list("pk", flat=True))
        new = [(battle, vote) for battle, vote in rows if battle not in known]
        self.summary.known += len(known)
        self.summary.added += len(new)
        self.summary.uncounted += sum(not vote.blind for _, vote in new)
        if new:
            self._know_contenders(vote for _, vote in new)
            self._know_raters(vote.judge for _, vote in new)
            self._store_votes(new)
            _store_texts(new)

    def _know_contenders(self, votes: Iterable[ImportedVote]) -> None:
        named = {name: None for vote in votes for name in (vote.model_a, vote.model_b)}
        wanted = [name for name in named if name not in self.contenders]
        for contender in Contender.objects.filter(external=True, name__in=wanted):
            self.contenders[contender.name] = contender
        taken = set(Contender.objects.values_list("slug", flat=True))
        for name in wanted:
            if name not in self.contenders:
                slug = _free_slug(name, taken)
                taken.add(slug)
                self.contenders[name] = Contender.objects.create(
                    slug=slug,
                    name=name,
                    description="Known from imported votes.",
                    model=name,
                    external=True,
                    active=False,
                )
                self.summary.contenders += 1

    def _know_raters(self, judges: Iterable[str]) -> None:
        wanted = {JUDGE_PREFIX + judge for judge in judges} - self.raters.keys()
        if not wanted:
            return
        raters = Rater.objects.filter(external_id__in=wanted)
        self.raters |= {str(judge): pk for judge, pk in raters.values_list("external_id", "pk")}
        missing = sorted(wanted - self.raters.keys())
        created = Rater.objects.bulk_create(Rater(external_id=judge) for judge in missing)
        self.raters |= {judge: rater.pk for judge, rater in zip(missing, created, strict=True)}
        self.summary.raters += len(created)

    def _store_votes(self, new: Sequence[tuple[UUID, ImportedVote]]) -> None:
        ids = {self.contenders[name].pk for _, v in new for name in (v.model_a, v.model_b)}
        # Held before the votes get their numbers, so that votes on the same contenders are
        # counted in the order of their numbers.
        list(Contender.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("pk"))
        now = timezone.now()
        insert_rows(Battle, _BATTLE, (self._battle(battle, vote, now) for battle, vote in new))
        insert_rows(Vote, _VOTE, (_vote(battle, vote, now) for battle, vote in new))
        numbers = dict(
            Vote.objects.filter(battle__in=[battle for battle, _ in new]).values_list(
                "battle_id", "pk"
            )
        )
        decided = [
            self._decided(numbers[battle], battle, vote, now) for battle, vote in new if vote.blind
        ]
        told: list[tuple[Any, Any]] = vote_cast.send(sender=Vote, votes=decided, more=True)
        elo = {key: change for _, changes in told for key, change in (changes or {}).items()}
        insert_rows(
            Placement,
            _PLACEMENT,
            (row for battle, vote in new for row in self._placements(battle, vote, elo)),
        )

    def _battle(self, battle: UUID, vote: ImportedVote, now: datetime) -> Sequence[Any]:
        mode = Battle.Mode.ANONYMOUS if vote.blind else Battle.Mode.SIDE_BY_SIDE
        rater = self.raters[JUDGE_PREFIX + vote.judge]
        return (
            battle,
            rater,
            mode,
            Battle.State.VOTED,
            Population.PEOPLE,
            "",
            "",
            None,
            vote.language,
            None,
            self.source,
            now,
        )

    def _placements(
        self, battle: UUID, vote: ImportedVote, elo: Mapping[tuple[UUID, int], Sequence[float]]
    ) -> Iterator[Sequence[Any]]:
        for position, rank in enumerate(vote.ranks):
            contender = self.contenders[(vote.model_a, vote.model_b)[position]].pk
            before, after = elo.get((battle, contender), (None, None))
            yield battle, position, contender, None, rank, before, after

    def _decided(self, number: int, battle: UUID, vote: ImportedVote, now: datetime) -> DecidedVote:
        pair = self.contenders[vote.model_a], self.contenders[vote.model_b]
        return DecidedVote(
            vote_id=number,
            battle_id=battle,
            rater_id=self.raters[JUDGE_PREFIX + vote.judge],
            population=Population.PEOPLE,
            category="",
            language=vote.language,
            cast_at=vote.cast_at or now,
            all_bad=vote.all_bad,
            prompts=tuple(turn.prompt for turn in vote.turns),
            responses=tuple(
                RatedResponse(contender.pk, contender.slug, contender.name, rank, texts)
                for contender, rank, texts in zip(pair, vote.ranks, _answers(vote), strict=True)
            ),
        )


def _answers(vote: ImportedVote) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The texts of both, without the answers that are missing."""
    return (
        tuple(turn.answer_a for turn in vote.turns if turn.answer_a is not None),
        tuple(turn.answer_b for turn in vote.turns if turn.answer_b is not None),
    )


def _vote(battle: UUID, vote: ImportedVote, now: datetime) -> Sequence[Any]:
    reason = "" if vote.blind else "The rater knew the contenders' names."
    return battle, vote.all_bad, "[]", "", vote.blind, reason, "{}", vote.cast_at or now


def _store_texts(new: Sequence[tuple[UUID, ImportedVote]]) -> None:
    asked = [
        (battle, number, turn) for battle, vote in new for number, turn in enumerate(vote.turns, 1)
    ]
    if not asked:
        return
    now = timezone.now()
    insert_rows(
        Turn,
        _TURN,
        (
            (battle, number, turn.prompt, prompt_key(turn.prompt), now)
            for battle, number, turn in asked
        ),
    )
    battles = {battle for battle, _, _ in asked}
    turns = {
        (battle, number): pk
        for battle, number, pk in Turn.objects.filter(battle__in=battles).values_list(
            "battle_id", "number", "pk"
        )
    }
    places = {
        (battle, position): pk
        for battle, position, pk in Placement.objects.filter(battle__in=battles).values_list(
            "battle_id", "position", "pk"
        )
    }
    insert_rows(
        Response,
        _RESPONSE,
        (
            [
                turns[battle, number],
                places[battle, position],
                False,
                "",
                Response.State.DONE,
                answer,
                "",
                *(None, None, None),
                False,
                "[]",
                False,
                now,
                None,
            ]
            for battle, number, turn in asked
            for position, answer in enumerate((turn.answer_a, turn.answer_b))
            if answer is not None
        ),
    )


def _free_slug(name: str, taken: set[str]) -> str:
    stem = slugify(name)[:70] or "contender"
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
