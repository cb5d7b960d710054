"""The votes and thumbs of a selection, as querysets."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import F, Max, Q, QuerySet
from django.utils.translation import gettext as _

from arena.errors import Invalid
from arena.models import Battle, Contender, Placement, Reaction, Vote
from rlhf.selection import Selection

OWN_SOURCE = "arena"
NOTICED = {
    "hurried": Q(features__faster_than_reading=True),
    "repeated": Q(features__same_prompt_before__gt=0),
    "regenerated": Q(features__regenerated__gt=0),
}


def chosen_votes(selection: Selection) -> QuerySet[Vote]:
    """The votes of a selection in the order cast; disputes are for `disputes.disputed` to find."""
    votes = Vote.objects.filter(_battles(selection, "battle__"), _days(selection, "cast_at"))
    if selection.votes != "all":
        votes = votes.filter(counted=selection.votes == "counted")
    if selection.last_vote is not None:
        votes = votes.filter(pk__lte=selection.last_vote)
    if selection.least_seconds:
        # Only here is it known when the battle began: imported ones began elsewhere.
        soonest = F("battle__created_at") + timedelta(seconds=selection.least_seconds)
        votes = votes.exclude(battle__source=OWN_SOURCE, cast_at__lt=soonest)
    for what in selection.leave_out:
        votes = votes.exclude(pk__in=Vote.objects.filter(NOTICED[what]).values("pk"))
    return votes.order_by("pk")


def chosen_thumbs(selection: Selection) -> QuerySet[Reaction]:
    """Thumbs of a selection. A battle without a vote goes with those whose vote counts."""
    battle = "response__turn__battle__"
    thumbs = Reaction.objects.filter(_battles(selection, battle), _days(selection, "created_at"))
    if selection.votes == "counted":
        thumbs = thumbs.filter(Q(**{battle + "vote": None}) | Q(**{battle + "vote__counted": True}))
    elif selection.votes == "not-counted":
        thumbs = thumbs.filter(**{battle + "vote__counted": False})
    return thumbs.order_by("pk")


def thumbs_beside_votes(selection: Selection) -> QuerySet[Reaction]:
    """The selection's thumbs on responses that no ranking of its votes holds.

    A ranking is of a conversation with one turn, and of the responses that stood at the vote.
    """
    ranked = chosen_votes(selection).exclude(battle__turns__number__gt=1).order_by()
    return (
        chosen_thumbs(selection)
        .exclude(response__text="")
        .exclude(response__superseded=False, response__turn__battle__in=ranked.values("battle"))
    )


def last_vote() -> int:
    """The highest number of a vote so far; 0 without any."""
    return Vote.objects.aggregate(last=Max("pk"))["last"] or 0


def _battles(selection: Selection, battle: str) -> Q:
    """What can be said of the battle itself. `battle` is the way to it."""
    chosen = Q()
    if selection.population != "all":
        chosen &= Q(**{battle + "population": selection.population})
    if selection.categories:
        chosen &= Q(**{battle + "category__in": selection.categories})
    if selection.modes:
        chosen &= Q(**{battle + "mode__in": selection.modes})
    if selection.raters != "any":
        known = {"signed-in": True, "anonymous": False, "unknown": None}
        chosen &= Q(**{battle + "signed_in": known[selection.raters]})
    if selection.tags:
        tagged = Q()
        for tag in selection.tags:  # words of a text with one space between two
            for lookup, text in (
                ("", tag), ("__startswith", f"{tag} "), ("__endswith", f" {tag}"),
                ("__contains", f" {tag} "),
            ):  # fmt: skip
                tagged |= Q(**{f"{battle}tags{lookup}": text})
        chosen &= tagged
    return chosen & _lineups(selection, battle)


def _days(selection: Selection, field: str) -> Q:
    chosen = Q()
    if selection.since:
        chosen &= Q(**{field + "__gte": datetime.combine(selection.since, time(), UTC)})
    if selection.until and selection.until < date.max:  # nothing is after the last day there is
        after = datetime.combine(selection.until, time(), UTC) + timedelta(days=1)
        chosen &= Q(**{field + "__lt": after})
    return chosen


def _lineups(selection: Selection, battle: str) -> Q:
    """Who took part. Subqueries, not joins: a join would give a row for each contender."""
    chosen = Q()
    if selection.contenders:
        chosen &= Q(**{battle + "in": _battles_with(selection.contenders)})
    if selection.without:
        chosen &= ~Q(**{battle + "in": _battles_with(selection.without)})
    return chosen


def _battles_with(slugs: Sequence[str]) -> QuerySet[Placement, Any]:
    return Placement.objects.filter(contender__slug__in=slugs).values("battle_id")


def check_selection(selection: Selection) -> None:
    """Raise Invalid for a category that no battle was about, or a contender that there is not."""
    _check_contenders({*selection.contenders, *selection.without})
    if not selection.categories:
        return
    known = vote_categories()
    if not known:
        raise Invalid(_("No battle was on a prompt that has a category: leave the category out."))
    if unknown := sorted(set(selection.categories) - set(known)):
        raise Invalid(
            _("No battle was in the category '%(name)s'. Choose among: %(known)s.")
            % {"name": unknown[0], "known": ", ".join(known)}
        )


def _check_contenders(slugs: set[str]) -> None:
    if not slugs:
        return
    known = Contender.objects.filter(slug__in=slugs).values_list("slug", flat=True)
    if unknown := sorted(slugs - set(known)):
        raise Invalid(_("There is no contender '%(slug)s'.") % {"slug": unknown[0]})


def vote_categories() -> list[str]:
    """The library's categories that battles were about."""
    named = Battle.objects.exclude(category="").order_by("category")
    return list(named.values_list("category", flat=True).distinct())
