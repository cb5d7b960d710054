"""Thumbs as an extra term of the reward model, beside its rankings.

A ranking never says that a response is good, only that it is better. A thumb does: the term asks
that scores be above a bias, which is learnt, where thumbs point up, and below it where they point
down. A response that is in a ranking too is encoded once for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import torch

from rlhf.training.chats import Messages
from rlhf.training.data import Ranking, Thumb
from rlhf.training.losses import Marks
from rlhf.training.reward_model import Group


@dataclass(frozen=True)
class Thumbs:
    """Thumbs on responses that are encoded in groups: those of the rankings, then `groups`.

    groups: the responses that no ranking holds, by prompt. on: for a group's number its thumbs,
    each as the response's place in the group and whether it points up. weight: of the whole term
    beside the rankings' loss.
    """

    groups: Sequence[Group] = ()
    on: Mapping[int, Sequence[tuple[int, bool]]] = field(default_factory=dict)
    weight: float = 0.0

    def __len__(self) -> int:
        return sum(map(len, self.on.values()))

    def marks(
        self,
        sizes: Sequence[int],
        shares: Sequence[float],
        batch: Sequence[int] | None = None,
        parts: int = 1,
    ) -> Marks:
        """The thumbs on a batch's groups, whose responses are numbered one after the other.

        sizes, shares: of all groups, how many responses each has and by how much its thumbs count.
        parts: batches of an epoch, such that over all of them each thumb weighs the same.
        """
        batch = range(len(sizes)) if batch is None else batch
        whole = sum(shares[group] * len(found) for group, found in self.on.items())
        starts = accumulate((sizes[group] for group in batch), initial=0)
        rows = [
            (start + place, up, shares[group])
            for group, start in zip(batch, starts, strict=False)
            for place, up in self.on.get(group, ())
        ]
        scale = self.weight * parts / whole if whole else 0.0
        return Marks(
            at=torch.tensor([at for at, _, _ in rows], dtype=torch.long),
            up=torch.tensor([float(up) for _, up, _ in rows]),
            weight=torch.tensor([scale * share for _, _, share in rows]),
        )


NO_THUMBS = Thumbs()
NO_MARKS = NO_THUMBS.marks((), ())


def beside(
    train: Sequence[Ranking], test: Sequence[Ranking], thumbs: Sequence[Thumb], weight: float
) -> Thumbs:
    """Thumbs of the training split beside its rankings; none on a held-out prompt.

    weight: of each beside a ranking of weight 1.
    """
    held_out = {opening(ranking.prompt) for ranking in test}
    places = {
        (str(ranking.prompt), text): (number, place)
        for number, ranking in enumerate(train)
        for place, text in enumerate(ranking.responses)
    }
    fresh: dict[str, tuple[int, Messages, list[str]]] = {}
    on: dict[int, list[tuple[int, bool]]] = {}
    for thumb in thumbs:
        if thumb.split == "test" or opening(thumb.prompt) in held_out:
            continue
        asked = str(thumb.prompt)
        if (asked, thumb.response) not in places:
            new: tuple[int, Messages, list[str]] = (len(train) + len(fresh), thumb.prompt, [])
            number, _, texts = fresh.setdefault(asked, new)
            places[asked, thumb.response] = number, len(texts)
            texts.append(thumb.response)
        group, place = places[asked, thumb.response]
        on.setdefault(group, []).append((place, thumb.up))
    groups = [(prompt, texts) for _, prompt, texts in fresh.values()]
    whole = weight * sum(map(len, on.values())) / sum(ranking.weight for ranking in train)
    return Thumbs(groups, on, whole)


def opening(prompt: Messages) -> str:
    """The first thing asked: it decides on which side of the split a conversation is."""
    return next((said["content"] for said in prompt if said["role"] == "user"), "")
