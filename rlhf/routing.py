"""Sockets of the lab."""

from django.urls import URLPattern, path

from rlhf.consumers import RunConsumer

websocket_urlpatterns: list[URLPattern] = [
    path("ws/runs/<int:pk>/", RunConsumer.as_asgi()),
]
