"""The page that states how everything is computed, with the settings in use."""

import math
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from arena import categories
from arena.sentences import Sentence, shown
from ranking import selectors, tasks
from ranking.boards import LEVEL
from ranking.charts.figures import decimal, percent, share_range
from ranking.estimators import BradleyTerry, Elo, PlackettLuce, StyleControlled, expected_score
from ranking.estimators.covariates import STYLE
from ranking.estimators.intervals import FEW_CLUSTERS
from ranking.selectors.duels import LEAST_COMPARISONS
from ranking.selectors.lines import FEW
from ranking.selectors.proportions import Z, wilson
from ranking.services.leaderboards import HOURLY_FOR, NEWEST_KEPT
from ranking.views.wording import METHODS, listed

ESTIMATORS = {
    "bradley-terry": BradleyTerry,
    "elo": Elo,
    "plackett-luce": PlackettLuce,
    "style-controlled": StyleControlled,
}
STYLE_NAMES = {
    "tokens": gettext_lazy("tokens"),
    "headers": gettext_lazy("headers"),
    "lists": gettext_lazy("list items"),
    "bold": gettext_lazy("bold words"),
}
# The first line of each matchmaker, which is pure code: it says in English what it does.
MATCHMAKERS = [
    Sentence("Every pair alike."),
    Sentence(
        "The product of the weights of both contenders and of the pair; unnamed ones weigh 1."
    ),
    Sentence(
        "Only what is named: a pair by its weight, a contender's pairs by the contender's weight."
    ),
    Sentence("Pairs by how much a vote on them narrows the intervals of the rater's population."),
]
GAPS = (0, 10, 25, 50, 100, 200, 400)
THUMBS = (8, 10)  # the worked example of an approval


class MethodSettings(NamedTuple):
    label: str | Promise
    settings: dict[str, Any]


@require_safe
def methodology(request: HttpRequest) -> HttpResponse:
    return render(request, "ranking/methodology.html", _in_use())


def _in_use() -> dict[str, Any]:
    """Every figure of the page comes from what computes with it."""
    fitted = BradleyTerry()
    up, thumbs = THUMBS
    approval = wilson(up, thumbs)
    return {
        "elo": Elo(),
        "fitted": fitted,
        "whole_prior": math.ceil(fitted.prior),  # which plural its figure takes
        "tenfold": f"{fitted.scale * math.log(10):g}",
        "methods": [
            MethodSettings(METHODS[name].label, vars(estimator()))
            for name, estimator in ESTIMATORS.items()
        ],
        "level": percent(LEVEL),
        "quantile": decimal(Z, 2),
        "few": FEW,
        "few_clusters": FEW_CLUSTERS,
        "alpha": number_format(f"{1 - LEVEL:g}"),
        "wrong": percent(1 - LEVEL),
        "least_comparisons": LEAST_COMPARISONS,
        "gaps": [(gap, percent(expected_score(gap, 0))) for gap in GAPS],
        "approval": percent(approval.share),
        "approval_interval": share_range(approval.lower, approval.upper),
        "thumbs": thumbs,
        "thumbs_up": up,
        "style": listed(STYLE_NAMES.get(name, name) for name in STYLE),
        "categories": [
            (_category(name), explained) for name, explained in categories.EXPLAINED.items()
        ],
        "languages": len(categories.LANGUAGES),
        "days": listed(selectors.WINDOWS),
        "delay": tasks.DELAY_S,
        "newest_kept": NEWEST_KEPT,
        "hourly_days": HOURLY_FOR.days,
        "matchmaker": shown(_first_line(import_string(settings.ARENA_MATCHMAKER))),
    }


def _category(name: str) -> str:
    """A category in a reader's words; a whole family of them by what it is."""
    families = {categories.LANGUAGE: _("Languages"), categories.TAG: _("Tags")}
    return families.get(name) or categories.label(name)


def _first_line(policy: object) -> str:
    return (policy.__doc__ or "").strip().partition("\n")[0]
