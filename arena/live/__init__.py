"""Groups and events, named once: what the server says to open pages."""

from collections.abc import Sequence
from typing import Any

from arena.models import POSITIONS

# Groups of the channel layer.
LEADERBOARD = "leaderboard"
WEB = "web"  # every web process

# WebSocket close codes.
NOT_YOURS = 4404
BAD_TOKEN = 4401
TOO_SLOW = 4408

Event = dict[str, Any]


def run_group(run_id: int) -> str:
    """The group of the pages that watch a training run."""
    return f"run-{run_id}"


def state(battle: dict[str, Any]) -> Event:
    return {"event": "state", "battle": battle}


def started(*, turn: int, prompt: str, responses: Sequence[dict[str, Any]]) -> Event:
    return {"event": "started", "turn": turn, "prompt": prompt, "responses": list(responses)}


def delta(*, turn: int, position: int, text: str, html: str, block: int) -> Event:
    return {
        "event": "delta",
        "turn": turn,
        "position": POSITIONS[position],
        "text": text,
        "html": html,
        "block": block,
    }


def done(*, turn: int, position: int, state: str, cut_off: bool) -> Event:
    return {
        "event": "done",
        "turn": turn,
        "position": POSITIONS[position],
        "state": state,
        "cut_off": cut_off,
    }


def failed(*, turn: int, position: int, error: str) -> Event:
    return {"event": "error", "turn": turn, "position": POSITIONS[position], "error": error}


def beat() -> Event:
    """Nothing has happened for a while, and responses are unfinished."""
    return {"event": "beat"}


def refused(error: str) -> Event:
    """The answer to a frame that the server does not understand."""
    return {"event": "error", "error": error}


def reacted(*, turn: int, position: int, value: int, reasons: Sequence[str], comment: str) -> Event:
    """A thumb was set, changed or (0) taken back; and why."""
    return {
        "event": "reacted",
        "turn": turn,
        "position": POSITIONS[position],
        "value": value,
        "reasons": list(reasons),
        "comment": comment,
    }


def changed(*, state: str) -> Event:
    """The battle was skipped, or is open again."""
    return {"event": "changed", "state": state}


def gone() -> Event:
    """The battle is deleted, or nobody's any more. Sockets are closed instead of being told."""
    return {"event": "gone"}


def revealed(*, vote: dict[str, Any] | None, contenders: list[dict[str, Any]] | None) -> Event:
    return {"event": "revealed", "vote": vote, "contenders": contenders}
