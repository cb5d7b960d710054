"""The shape of a verdict: one rank per position, 1 is best, ties share a rank. Pure."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from arena.errors import Invalid


def standard_ranks(ranks: Sequence[int], *, size: int, all_bad: bool = False) -> list[int]:
    """`ranks` as competition ranks: one more than the number of positions that are better.

    So [1,2,2] stays, and the dense [1,1,2] becomes [1,1,3]. Accepts any whole numbers from 1 to
    `size` of which the smallest is 1; raises Invalid otherwise. `all_bad` says that nobody is
    good, so it goes with a full tie only.
    """
    if len(ranks) != size:
        raise Invalid(
            _("This battle has %(size)s responses, so it takes %(size)s ranks, not %(given)s.")
            % {"size": size, "given": len(ranks)}
        )
    for rank in ranks:
        if isinstance(rank, bool) or not isinstance(rank, int) or not 1 <= rank <= size:
            values = {"size": size, "rank": repr(str(rank)[:40])}
            raise Invalid(_("A rank is a whole number from 1 to %(size)s, not %(rank)s.") % values)
    if min(ranks) != 1:
        raise Invalid(_("The best response has rank 1; give at least one position rank 1."))
    if all_bad and len(set(ranks)) > 1:
        raise Invalid(_("“All bad” goes with equal ranks only: all responses tie."))
    return [1 + sum(other < rank for other in ranks) for rank in ranks]
