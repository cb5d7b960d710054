"""The arena's sockets."""

from typing import Any

from django.urls import URLPattern, path

from arena.consumers import battle_socket

# Django's types know only of views here; Channels routes to ASGI applications.
_application: Any = battle_socket
websocket_urlpatterns: list[URLPattern] = [path("ws/battles/<uuid:battle_id>/", _application)]
