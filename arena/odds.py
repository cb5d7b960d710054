"""What Elo ratings lead one to expect of a vote. Pure."""

from collections.abc import Sequence

SCALE = 400.0  # a gap of so many points is odds of ten to one


def chances_of_first(ratings: Sequence[float | None]) -> list[float | None]:
    """The chance of each to be ranked first, ties aside: 10^(rating/400), normalised.

    For two this is Elo's expected win rate; for more the first choice of Plackett and Luce. None
    for all when nobody's rating is known; who has none was not compared and gets None.
    """
    known = [rating for rating in ratings if rating is not None]
    if not known:
        return [None] * len(ratings)
    best = max(known)  # subtracted, so that nothing overflows
    total = sum(10 ** ((rating - best) / SCALE) for rating in known)
    return [
        None if rating is None else 10 ** ((rating - best) / SCALE) / total for rating in ratings
    ]
