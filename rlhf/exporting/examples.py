"""Votes as chat messages, and what else several formats share.

System prompts are left out: the rater never saw them.
"""

from functools import lru_cache

from django.utils.crypto import salted_hmac

from rlhf.selectors import Judged, Side

Messages = list[dict[str, str]]


def opening(vote: Judged) -> Messages:
    """The part that all sides share: the first prompt."""
    return [{"role": "user", "content": vote.prompts[0]}]


def completion(vote: Judged, side: Side) -> Messages:
    """All that followed the first prompt on this side."""
    if len(vote.prompts) == 1:
        return [{"role": "assistant", "content": side.answers[0]}]
    return conversation(vote, side)[1:]


def conversation(vote: Judged, side: Side) -> Messages:
    messages: Messages = []
    for prompt, answer in zip(vote.prompts, side.answers, strict=True):
        messages.append({"role": "user", "content": prompt})
        messages.append({"role": "assistant", "content": answer})
    return messages


@lru_cache(maxsize=50_000)
def pseudonym(rater_id: int, key: str) -> str:
    """The rater's name outside: the same within this installation, unlinkable beyond it.

    `key` is the installation's secret.
    """
    salted = salted_hmac("rlhf.exporting.rater", str(rater_id), secret=key, algorithm="sha256")
    return salted.hexdigest()[:16]
