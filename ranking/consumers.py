"""The socket of the leaderboard page: says when there is a new one."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from arena import live


class LeaderboardConsumer(AsyncJsonWebsocketConsumer):
    """Public. Sends {"event": "leaderboard"} on connect and after each refit; takes nothing."""

    groups = [live.LEADERBOARD]

    async def connect(self) -> None:
        await self.accept()
        # A refit between the making of the page and this connection would be missed otherwise.
        await self.send_json({"event": "leaderboard"})

    async def leaderboard_changed(self, message: dict[str, Any]) -> None:
        await self.send_json({"event": "leaderboard"})

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Whatever a browser sends is of no interest and no harm."""
