"""Everything that the arena keeps of a rater, in JSON's words."""

from collections.abc import Iterator, Set
from typing import Any

from arena.blindness import blind_text
from arena.models import POSITIONS, Battle, Response
from arena.selectors.battles import reveal, vote_summary


def personal_data(raters: Set[int]) -> Iterator[dict[str, Any]]:
    """The battles of these raters, the oldest first, with all that they typed and were answered.

    Contenders are named as far as their rater has been told, so a blind battle stays blind, and a
    name that its page hides is hidden here.
    """
    battles = Battle.objects.filter(rater__in=raters).order_by("created_at")
    whole = battles.prefetch_related("turns__responses__placement", "turns__responses__reaction")
    for battle in whole.iterator(chunk_size=200):
        contenders = reveal(battle)
        yield {
            "id": str(battle.pk),
            "mode": battle.mode,
            "state": battle.state,
            "category": battle.category,
            "created_at": battle.created_at.isoformat(),
            "turns": [
                {
                    "turn": turn.number,
                    "prompt": turn.prompt,
                    "created_at": turn.created_at.isoformat(),
                    "responses": [
                        _response(one, turn.prompt, blind=contenders is None)
                        for one in turn.responses.all()
                    ],
                }
                for turn in battle.turns.all()
            ],
            "vote": vote_summary(battle),
            "contenders": contenders,
        }


def _response(response: Response, prompt: str, *, blind: bool) -> dict[str, Any]:
    text = response.text
    if blind:
        text = blind_text(text, response.disclosures, was_masked=response.masked)
    reaction = getattr(response, "reaction", None)
    return {
        "position": POSITIONS[response.placement.position],
        "prompt": response.asked or prompt,
        "state": response.state,
        "text": text,
        "superseded": response.superseded,
        "reaction": reaction
        and {
            "value": reaction.value,
            "reasons": reaction.reasons,
            "comment": reaction.comment,
        },
    }
