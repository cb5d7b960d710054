"""How long a run that is under way still needs: its estimate, corrected by the pace it shows."""

TRUST = 0.2  # the estimate counts as much as this share of a run would, if it were measured
ENOUGH = 0.1  # of a run that nothing was estimated for; before, its pace would be a guess


def remaining(
    *, expected: float | None, starting: float, progress: float, made: float, elapsed: float,
    silent: float,
) -> float | None:  # fmt: skip
    """Seconds left, or None where nothing that is known tells them.

    expected: seconds of the whole run by its estimate, `starting` of them before it computes; None
    and 0 without one. progress: share of the run that is done, `made` of it by the process that
    computes now. elapsed: seconds from that process's begin to its last report; silent: since then.

    Seconds for the whole are the weighted mean of the estimate's and of those that the pace since
    the begin tells, by `TRUST` and by what was made. Between reports the time left counts down.
    When it has run out and there is still no word, nothing is known any more.
    """
    work = max(0.0, (expected or 0.0) - starting)
    if made <= 0:
        left = starting + work * (1 - progress) - elapsed - silent
        return left if expected is not None and left > 0 else None
    if expected is None and made < ENOUGH:
        return None
    trust = 0.0 if expected is None else TRUST
    whole = (trust * work + max(0.0, elapsed - starting)) / (trust + made)
    left = whole * (1 - progress) - silent
    return left if left > 0 else None
