"""How long a run that is under way still needs: its estimate, corrected by the pace it shows."""

TRUST = 0.2  # the estimate counts as much as this share of a run would, if it were measured
ENOUGH = 0.1  # of a run that nothing was estimated for; before, its pace would be a guess


def remaining(
    *, expected: float | None, again: float, progress: float, made: float, elapsed: float,
    silent: float,
) -> float | None:  # fmt: skip
    """Seconds left, or None where nothing that is known tells them.

    expected: seconds of the whole run by its estimate, None without one. progress: share of the
    run that is done, `made` of it by the process that computes now. elapsed: seconds from that
    process's begin to its last report, of which it needs `again` to start where another one had
    begun the run before; silent: since then.

    Seconds for the whole are the weighted mean of the estimate's and of those that the pace since
    the begin tells, by `TRUST` and by what was made. Between reports the time left counts down.
    When it has run out and there is still no word, nothing is known any more.
    """
    if made <= 0:
        if expected is None:
            return None
        left = again + expected * (1 - progress) - elapsed - silent
    else:
        if expected is None and made < ENOUGH:
            return None
        trust = 0.0 if expected is None else TRUST
        whole = (trust * (expected or 0.0) + max(0.0, elapsed - again)) / (trust + made)
        left = whole * (1 - progress) - silent
    return left if left > 0 else None
