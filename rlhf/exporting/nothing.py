"""Why an export has no rows, for whoever asked for it on the command line."""

from dataclasses import replace
from typing import Any

from django.db.models import Count, QuerySet

from arena.models import Population
from rlhf.exporting.formats import Format
from rlhf.exporting.reading import Counts, count_items
from rlhf.selection import Selection
from rlhf.selectors import chosen_thumbs, chosen_votes


def why_no_rows(form: Format, selection: Selection, counts: Counts) -> str:
    """What there is instead, and which option leads to it. `counts` are of the empty export."""
    what = "votes" if form.unit == "vote" else "thumbs"
    if counts.items:
        ties = f", {counts.ties} with a tie" if counts.ties else ""
        return (
            f"None of the {counts.items} {what} gives a row as {form.name}: "
            f"{counts.skipped} without texts that fit{ties}."
        )
    if counts.disputed:
        return f"All {counts.disputed} {what} are disputed: leave out --undisputed."
    whose = {one: _count(form, selection, population=one) for one in Population}
    if selection.population == "all":
        whose.clear()
    others = {one: count for one, count in whose.items() if count}
    if others:
        told = ", ".join(f"{count} of {one.label}" for one, count in whose.items())
        named = " or ".join(f"--population {one.value}" for one in others)
        return f"No {what} match. There are {told}: add {named}."
    if selection.categories and (about := _categories(form, replace(selection, categories=()))):
        told = ", ".join(f"{name} ({count})" for name, count in sorted(about.items()))
        return f"No {what} match. Those without --category are about: {told}."
    if everything := _count(form, Selection(), population="all", votes="all"):
        return f"No {what} match. In all there are {everything}, whoever gave them and when."
    return f"There are no {what} yet."


def _count(form: Format, selection: Selection, **changed: Any) -> int:
    return count_items(form, replace(selection, **changed))


def _categories(form: Format, selection: Selection) -> dict[str, int]:
    """How many votes or thumbs are about each category of the library."""
    if form.unit == "vote":
        chosen: QuerySet[Any] = chosen_votes(selection)
        told = "battle__category"
    else:
        chosen, told = chosen_thumbs(selection), "response__turn__battle__category"
    counted = chosen.order_by().values_list(told).annotate(Count("pk"))
    return {name or "no category": count for name, count in counted}
