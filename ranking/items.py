"""When did two raters judge the same thing?"""

import hashlib
import json

from arena.selectors import DecidedVote

UNCOUNTED = "?"
LENGTH = 32  # hexadecimal digits


def item_of(vote: DecidedVote) -> str:
    """Equal for votes on the same responses of the same contenders to the same prompts.

    Positions do not matter. Responses are sampled, so the same prompt alone makes no item. An
    imported vote may lack its responses, then prompts and contenders decide; a vote without
    prompts is no item, hence "".
    """
    if not any(vote.prompts):
        return ""
    responses = sorted((response.contender_id, response.texts) for response in vote.responses)
    content = json.dumps([vote.prompts, responses], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]
