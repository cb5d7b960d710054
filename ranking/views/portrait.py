"""What the page of a contender says of it, as values for the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from arena.categories import label
from arena.models import Contender
from ranking import selectors
from ranking.boards import LeaderboardRecord, StandingRecord
from ranking.charts import History
from ranking.charts.figures import (
    UNKNOWN,
    dollars,
    in_dollars,
    percent,
    points,
    rank_range,
    rating_interval,
    seconds,
    share_range,
    whole,
)
from ranking.counting import Slice
from ranking.estimators import expected_score
from ranking.selectors.duels import Duel, duels, most_lost, most_won
from ranking.selectors.history import Moment
from ranking.selectors.kept import Kept
from ranking.selectors.lines import FEW, Line, kept_history, lines, version
from ranking.selectors.slices import InCategory, by_category
from ranking.views.query import Query


class Figure(NamedTuple):
    """One figure of the head of the page."""

    label: str
    value: str
    detail: str = ""


class DuelLine(NamedTuple):
    """`surprising`: the ratings predict a win rate outside of the observed one's interval."""

    slug: str
    name: str
    total: int
    won: int
    lost: int
    tied: int
    observed: str
    interval: str
    expected: str
    surprising: bool


class CategoryLine(NamedTuple):
    category: str
    label: str
    rank: str
    rating: str
    interval: str
    win_rate: str
    votes: int
    few: bool


@dataclass(frozen=True, slots=True)
class Portrait:
    """`standing` is None, and the rest empty, while there are no votes on it."""

    name: str
    board: LeaderboardRecord
    standing: StandingRecord | None
    figures: Sequence[Figure] = ()
    moments: Sequence[Moment] = ()
    duels: Sequence[DuelLine] = ()
    most_won: Sequence[DuelLine] = ()
    most_lost: Sequence[DuelLine] = ()
    categories: Sequence[CategoryLine] = ()
    best_in: Sequence[CategoryLine] = ()
    worst_in: Sequence[CategoryLine] = ()


PORTRAITS: Kept[Portrait] = Kept(size=64, seconds=30)
NAMED = 2  # categories that are called its best or worst


def facts(contender: Contender) -> list[Figure]:
    """What it is. Never where it runs or which key opens it."""
    found = [Figure(_("Version"), str(contender.version))]
    if contender.model:
        found.insert(0, Figure(_("Model"), contender.model))
    if not contender.external:
        found += [
            Figure(_("Temperature"), number_format(f"{contender.temperature:g}")),
            Figure(_("Top p"), number_format(f"{contender.top_p:g}")),
            Figure(_("Longest response"), _tokens(contender.max_tokens)),
        ]
    if contender.price is not None:
        price = in_dollars(number_format(f"{contender.price.normalize():f}"))
        found.append(Figure(_("Price"), price, _("a million tokens")))
    found.append(Figure(_("In the arena since"), date_format(contender.created_at)))
    return found


def _tokens(count: int) -> str:
    return ngettext("%(count)s token", "%(count)s tokens", count) % {"count": whole(count)}


def chart_of(portrait: Portrait) -> History:
    """Its ratings over time, with their intervals."""
    if portrait.standing is None:
        return History([], {})
    return History([portrait.standing], {portrait.standing.contender_id: portrait.moments})


def portrait_of(contender: Contender, query: Query) -> Portrait:
    """At most half a minute old, unless a leaderboard was stored since."""
    newest = version()
    if newest is None:
        return _portrait(contender, query)
    key = (get_language(), newest, contender.pk, query)
    return PORTRAITS.get(key, lambda: _portrait(contender, query))


def _portrait(contender: Contender, query: Query) -> Portrait:
    board = selectors.board(**query.board)
    found = lines(board)
    mine = next((line for line in found if line.standing.contender_id == contender.pk), None)
    if mine is None:
        return Portrait(contender.name, board, None)
    met = selectors.pairs(selectors.stored_counts(Slice(query.category, query.population)))
    fought = duels(mine.standing, board.standings, met)
    categories = by_category(contender.pk, population=query.population)
    moved = kept_history(query.method, query.category, query.population)
    rated = [
        (one.win_rate, _category_line(one))
        for one in categories
        if one.win_rate is not None and one.standing.votes >= FEW
    ]
    rated.sort(key=lambda pair: -pair[0])
    return Portrait(
        name=contender.name,
        board=board,
        standing=mine.standing,
        figures=_figures(mine, board),
        moments=moved.get(contender.pk, ()),
        duels=[_duel_line(duel) for duel in fought],
        most_won=[_duel_line(duel) for duel in most_won(fought)],
        most_lost=[_duel_line(duel) for duel in most_lost(fought)],
        categories=[_category_line(one) for one in categories],
        best_in=[line for win_rate, line in rated[:NAMED] if win_rate > 0.5],
        worst_in=[line for win_rate, line in rated[-NAMED:] if win_rate < 0.5],
    )


def _figures(line: Line, board: LeaderboardRecord) -> list[Figure]:
    standing, first = line.standing, board.standings[0]
    record = _("%(won)s won, %(lost)s lost, %(tied)s tied") % {
        "won": whole(standing.wins),
        "lost": whole(standing.losses),
        "tied": whole(standing.ties),
    }
    found = [
        Figure(_("Rating"), points(standing.rating), rating_interval(standing)),
        _rank(standing, board),
    ]
    if line.win_rate is not None:
        against_average = percent(line.win_rate)
        found.append(Figure(_("Win rate"), against_average, _("against the average contender")))
    if first.contender_id != standing.contender_id and standing.rank is not None:
        against_first = expected_score(standing.rating, first.rating)
        found.append(Figure(_("Against the first"), percent(against_first), first.name))
    if line.elo is not None:
        found.append(Figure(_("Online Elo"), points(line.elo)))
    found.append(Figure(_("Votes"), whole(standing.votes), record))
    if line.approval:
        thumbs = _("of %(total)s, %(interval)s") % {
            "total": whole(line.approval.total),
            "interval": share_range(line.approval.lower, line.approval.upper),
        }
        found.append(Figure(_("Approval"), percent(line.approval.share), thumbs))
    if line.seconds is not None:
        found.append(
            Figure(
                _("Time"),
                _("%(seconds)s s") % {"seconds": seconds(line.seconds)},
                _("median of a response"),
            )
        )
    if line.cost is not None:
        found.append(Figure(_("Cost"), dollars(line.cost), _("a thousand responses")))
    return found


def _rank(standing: StandingRecord, board: LeaderboardRecord) -> Figure:
    if standing.rank is None:
        return Figure(_("Rank"), UNKNOWN, _("no votes connect it with the others"))
    ranked = sum(one.rank is not None for one in board.standings)
    return Figure(_("Rank"), rank_range(standing), _("of %(total)s") % {"total": ranked})


def _duel_line(duel: Duel) -> DuelLine:
    return DuelLine(
        slug=duel.opponent.slug,
        name=duel.opponent.name,
        total=duel.pair.total,
        won=duel.pair.wins,
        lost=duel.pair.losses,
        tied=duel.pair.ties,
        observed=percent(duel.observed.share),
        interval=share_range(duel.observed.lower, duel.observed.upper),
        expected=percent(duel.expected),
        surprising=duel.surprising,
    )


def _category_line(one: InCategory) -> CategoryLine:
    standing = one.standing
    place = _("%(rank)s of %(total)s") % {"rank": rank_range(standing), "total": one.contenders}
    return CategoryLine(
        category=one.category,
        label=label(one.category),
        rank=UNKNOWN if standing.rank is None else place,
        rating=points(standing.rating),
        interval=rating_interval(standing),
        win_rate=percent(one.win_rate),
        votes=standing.votes,
        few=standing.votes < FEW,
    )
