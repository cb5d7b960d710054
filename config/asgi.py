"""The ASGI application: pages and API through Django, sockets through Channels."""

import os
from typing import Any

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

# Consumers import models, so they may only be imported once Django is set up.
from arena.consumers import no_socket  # noqa: E402
from arena.middleware import LanguageMiddleware, OriginMiddleware, VisitorMiddleware  # noqa: E402
from arena.routing import websocket_urlpatterns as arena_sockets  # noqa: E402
from config.handler import OneThreadHandler  # noqa: E402
from config.lifespan import Lifespan  # noqa: E402
from config.request_threads import RequestThreads  # noqa: E402
from ranking.routing import websocket_urlpatterns as ranking_sockets  # noqa: E402
from rlhf.routing import websocket_urlpatterns as rlhf_sockets  # noqa: E402

elsewhere: Any = no_socket  # Django's types know only of views here
sockets = URLRouter([*arena_sockets, *ranking_sockets, *rlhf_sockets, re_path("", elsewhere)])
requests = RequestThreads(OneThreadHandler())
application = ProtocolTypeRouter(
    {
        "http": requests,
        "websocket": OriginMiddleware(VisitorMiddleware(LanguageMiddleware(sockets))),
        "lifespan": Lifespan(requests),
    }
)
