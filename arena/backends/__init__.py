"""How a contender speaks. settings.ARENA_BACKENDS says which class each backend name means."""

from arena.backends.base import Backend, BackendError, CutOff, Message, Piece, Usage
from arena.backends.connection import backend_of, check_connection

__all__ = [
    "Backend",
    "BackendError",
    "CutOff",
    "Message",
    "Piece",
    "Usage",
    "backend_of",
    "check_connection",
]
