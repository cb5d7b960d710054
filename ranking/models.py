"""Votes as ranking keeps them: tallies, online Elo, and snapshots of the leaderboard."""

from django.db import models

from arena.categories import OVERALL
from arena.models import Contender, Population, Vote
from ranking.counting import ALL
from ranking.items import LENGTH, UNCOUNTED

POPULATIONS = [*Population.choices, (ALL, "people and simulated raters")]


class CountedVote(models.Model):
    """A vote as ranking sees it: slices of any kind are read from here, without any text.

    `categories` begins and ends with a space and has one between two ("_coding_signed-in_", _ a
    space), so that one of them is found as text. `lineup` and `ranks` are by position, A first.
    `style`: for each position [tokens, headers, lists, bold, milliseconds or null]; empty for a
    vote without texts. `item` is equal where the same responses were judged, empty where that is
    not known, UNCOUNTED in rows of older versions until they are counted again.
    """

    vote = models.OneToOneField(
        Vote, primary_key=True, on_delete=models.CASCADE, related_name="as_counted"
    )
    rater = models.BigIntegerField()
    population = models.CharField(max_length=10, choices=Population.choices)
    categories = models.CharField(max_length=600, default=" ")
    cast_at = models.DateTimeField(db_index=True)
    lineup = models.CharField(max_length=80)
    ranks = models.CharField(max_length=20)
    style = models.JSONField(default=list)
    item = models.CharField(max_length=LENGTH, default=UNCOUNTED, db_index=True)

    def __str__(self) -> str:
        return f"{self.lineup}: {self.ranks}"


class EloMark(models.Model):
    """The Elo that a recent vote found, so that it can be taken back without playing all again.

    `found` is as in `ranking.tape`. Kept for minutes.
    """

    vote = models.OneToOneField(
        CountedVote, primary_key=True, on_delete=models.CASCADE, related_name="mark"
    )
    found = models.JSONField()

    def __str__(self) -> str:
        return f"before vote {self.pk}"


class Tally(models.Model):
    """How many identical votes there were: the same contenders ranked the same way.

    `lineup` is the contenders' ids in ascending order ("3-7-12") and `ranks` their ranks in that
    order ("1-2-2"). Counting whole votes instead of pairs keeps rankings of three exact: the
    comparisons of one vote stay one cluster, so intervals need no look at the votes themselves.
    """

    category = models.CharField(max_length=40, default=OVERALL)
    population = models.CharField(max_length=10, choices=Population.choices)
    lineup = models.CharField(max_length=80)
    ranks = models.CharField(max_length=20)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(
                fields=["category", "population", "lineup", "ranks"], name="one_tally_a_verdict"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lineup}: {self.ranks} × {self.count}"


class EloRating(models.Model):
    """A contender's online Elo, moved inside each vote's transaction."""

    contender = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="elo_ratings")
    category = models.CharField(max_length=40, default=OVERALL)
    population = models.CharField(max_length=10, choices=POPULATIONS)
    rating = models.FloatField()
    votes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contender", "category", "population"], name="one_elo_a_contender"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contender}: {self.rating:.0f}"


class Leaderboard(models.Model):
    """An immutable snapshot: what was computed, how, and from which votes."""

    method = models.CharField(max_length=20)
    category = models.CharField(max_length=40, default=OVERALL)
    population = models.CharField(max_length=10, choices=POPULATIONS)
    settings = models.JSONField(default=dict)
    caveats = models.JSONField(default=list)
    votes = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the votes it was fitted to.")
    first_vote = models.BigIntegerField(null=True)
    last_vote = models.BigIntegerField(null=True)
    computed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["method", "category", "population", "-id"])]

    def __str__(self) -> str:
        return f"{self.method}, {self.category}, {self.votes} votes"


class Standing(models.Model):
    """One contender's line on a leaderboard.

    `votes` are the votes it took part in; `wins`, `losses` and `ties` its comparisons, of which
    a vote on three has two. Online Elo has no interval, hence no bounds
    and no ranks but one.
    """

    leaderboard = models.ForeignKey(Leaderboard, on_delete=models.CASCADE, related_name="standings")
    contender = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="standings")
    rank = models.PositiveIntegerField(
        null=True, help_text="Null if no votes connect it with the others."
    )
    rank_low = models.PositiveIntegerField(null=True)
    rank_high = models.PositiveIntegerField(null=True)
    significance_rank = models.PositiveIntegerField(
        null=True, help_text="1 plus the number of contenders that are significantly better."
    )
    rating = models.FloatField()
    lower = models.FloatField(null=True)
    upper = models.FloatField(null=True)
    votes = models.PositiveIntegerField()
    wins = models.PositiveIntegerField()
    losses = models.PositiveIntegerField()
    ties = models.PositiveIntegerField()

    class Meta:
        ordering = [models.F("rank").asc(nulls_last=True), "-rating"]

    def __str__(self) -> str:
        return f"{self.rank or '–'}. {self.contender}"
