"""What the estimators warn of, in the reader's language: they write it down in English."""

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _

from arena.sentences import Sentence, shown

# As ranking.estimators and ranking.boards say them; tests hold each against what they say.
SENTENCES = [
    Sentence("No votes yet: every rating is the starting value."),
    Sentence("No votes yet: %(names)s."),
    Sentence("Only ties so far: %(names)s."),
    Sentence("Undefeated, so the rating rests on a prior: %(names)s."),
    Sentence("Winless, so the rating rests on a prior: %(names)s."),
    Sentence("Too few votes (fewer than %(few)s): %(names)s."),
    Sentence("Too few votes without a tie: the odds of one rest on a prior."),
    Sentence("Not comparable, since no votes connect these groups: %(names)s."),
    Sentence(
        "Votes between these contenders and the rest go one way, so the gap rests on a prior: "
        "%(names)s."
    ),
    Sentence("Only 1 rater: intervals may be too narrow."),
    Sentence("Only %(count)s raters: intervals may be too narrow."),
    Sentence("The fit did not converge: do not rely on these ratings."),
    Sentence("Online Elo depends on the order of the votes and has no interval."),
]
_MORE = re.compile(r" and (\d+) more(?=\.$| \| )")


def caveats_shown(caveats: Iterable[str]) -> list[str]:
    """Sentences of a leaderboard, stored in English."""
    return [_MORE.sub(_more, shown(caveat)) for caveat in caveats]


def _more(found: re.Match[str]) -> str:
    return " " + _("and %(count)s more") % {"count": found[1]}
