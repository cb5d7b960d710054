"""What Django does with a request, with as few changes of thread as there can be."""

from typing import Any

from asgiref.sync import AsyncToSync, sync_to_async
from django.core.handlers.asgi import ASGIHandler


class OneThreadHandler(ASGIHandler):
    """Everything synchronous of a request runs in one go, in the request's thread.

    Django's own goes back to the event loop before the view, and again before and after what
    middlewares do to its response: each time behind all that the loop has to do meanwhile, which
    is to ask the contenders of the battle that the view has just begun.
    """

    _middleware_chain: Any

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        chain = self._middleware_chain
        # Middlewares that are asynchronous, those of static files, stand before all others.
        self._middleware_chain = (
            chain.awaitable if isinstance(chain, AsyncToSync) else sync_to_async(chain)
        )
