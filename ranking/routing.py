"""The sockets of ranking."""

from django.urls import URLPattern, path

from ranking.consumers import LeaderboardConsumer

websocket_urlpatterns: list[URLPattern] = [
    path("ws/leaderboard/", LeaderboardConsumer.as_asgi()),
]
