"""What can go wrong with a request, each with a status and a reason that says what to do."""

from typing import ClassVar


class ArenaError(Exception):
    """A refusal. `reason` is a plain sentence for whoever asked; it never names a contender."""

    status: ClassVar[int] = 400

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unauthorized(ArenaError):
    """The credentials that came with the request are not valid."""

    status = 401


class Forbidden(ArenaError):
    """Who asked may not do this."""

    status = 403


class NotFound(ArenaError):
    """There is no such thing, or it belongs to someone else."""

    status = 404


class NotYours(NotFound):
    """A battle of somebody else, or none at all: strangers are not told which."""


class Conflict(ArenaError):
    """The thing is in a state that does not allow this."""

    status = 409


class Invalid(ArenaError):
    """What was sent has the wrong shape."""

    status = 422


class TooMany(ArenaError):
    """Too much at once."""

    status = 429


class Unavailable(ArenaError):
    """The arena lacks something that this needs."""

    status = 503
