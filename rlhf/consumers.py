"""The socket of a run's page: where the run is, now and after each step."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from arena import live
from arena.threads import in_thread
from rlhf.models import Run
from rlhf.selectors import run_event


class RunConsumer(AsyncJsonWebsocketConsumer):
    """For staff. Sends {"event": "run", …} on connect and as the run or its time moves."""

    async def connect(self) -> None:
        pk: int = self.scope["url_route"]["kwargs"]["pk"]
        await self.accept()
        user = await in_thread(self.scope["visitor"].user)
        if not user.is_staff:
            await self.close(live.NOT_YOURS)
            return
        # Join first: what happens between the reading and the joining would be lost otherwise.
        self.groups.append(live.run_group(pk))
        await self.channel_layer.group_add(live.run_group(pk), self.channel_name)
        event = await in_thread(_present, pk)
        if event is None:
            await self.close(live.NOT_YOURS)
            return
        await self.send_json(event)

    async def run_event(self, message: dict[str, Any]) -> None:
        await self.send_json(message["content"])

    async def receive(self, *args: Any, **kwargs: Any) -> None:
        """Whatever a browser sends is of no interest and no harm."""


def _present(pk: int) -> dict[str, Any] | None:
    run = Run.objects.filter(pk=pk).first()
    return None if run is None else run_event(run)
