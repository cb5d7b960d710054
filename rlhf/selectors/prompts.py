"""What votes are on, without what was answered."""

from collections.abc import Iterator, Sequence

from arena.models import Turn


def first_prompts(votes: Sequence[int]) -> Iterator[str]:
    """The first prompts of the votes of those numbers; some thousands at once."""
    asked = Turn.objects.filter(number=1, battle__vote__pk__in=votes).order_by("pk")
    yield from asked.values_list("prompt", flat=True).iterator(chunk_size=500)
