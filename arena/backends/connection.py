"""From a contender to its backend."""

import asyncio

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from arena.backends.base import Backend, BackendError
from arena.backends.http import close_session
from arena.backends.problems import NOT_SET_UP
from arena.errors import Unavailable
from arena.models import Contender

CHECK_TIMEOUT_S = 30.0


def backend_of(contender: Contender) -> Backend:
    """The backend that the contender names. BackendError when no such backend is set up."""
    try:
        path = settings.ARENA_BACKENDS[contender.backend]
    except KeyError:
        known = ", ".join(sorted(settings.ARENA_BACKENDS))
        raise BackendError(
            NOT_SET_UP(),
            f"{contender.slug}: unknown backend {contender.backend!r}; known are {known}.",
        ) from None
    backend: Backend = import_string(path)()
    return backend


def check_connection(contender: Contender) -> str:
    """Asks the contender for a few words and returns them with the seconds they took.

    From synchronous code. Unavailable, with what is wrong and what to do, when it cannot answer.
    """
    return async_to_sync(_check)(contender)


async def _check(contender: Contender) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await backend_of(contender).check(contender)
    except BackendError as error:
        raise Unavailable(error.detail) from error
    except TimeoutError:
        raise Unavailable(
            _(
                "No answer within %(seconds)s s. The endpoint accepts the connection but "
                "does not answer: look at its log."
            )
            % {"seconds": f"{CHECK_TIMEOUT_S:.0f}"}
        ) from None
    finally:
        await close_session()
