"""The socket of the leaderboard page: says when there is a new one."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from arena import live


class LeaderboardConsumer(AsyncJsonWebsocketConsumer):
    """Public. Sends {"event": "leaderboard"} after each refit; takes nothing."""

    groups = [live.LEADERBOARD]

    async def leaderboard_changed(self, message: dict[str, Any]) -> None:
        await self.send_json({"event": "leaderboard"})

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Whatever a browser sends is of no interest and no harm."""
