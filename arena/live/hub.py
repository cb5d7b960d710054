"""The battles that are open in this web process, and the word to the other web processes.

Events go straight to the sockets of this process. The channel layer carries only what must cross
processes: every process listens on a channel of its own, in the group `live.WEB`, and leaves aside
what is addressed to another one.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from arena import live
from arena.live.keeper import Keeper
from arena.live.response import LiveResponse
from arena.live.room import Room, Socket

logger = logging.getLogger(__name__)

KEEP_TEXT_EVERY_S = 1.0
FORGET_AFTER_S = 30.0
ANSWER_WITHIN_S = 1.0
RETRY_AFTER_S = 2.0
CLOSE_AGAIN_S = 0.2

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, "Hub"] = WeakKeyDictionary()


class Hub:
    """One per event loop, which is one per web process."""

    def __init__(self) -> None:
        self.name = uuid4().hex
        self.keeper = Keeper(self.name)
        self.rooms: dict[UUID, Room] = {}
        self._channel: str | None = None
        self._listening = asyncio.Event()
        # What to tell which other process, or None for all.
        self._outbox: asyncio.Queue[tuple[str | None, dict[str, Any]]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._to_release: list[int] = []  # ended responses
        self._deaf = False  # said once that other processes cannot be reached
        self.run(self._listen())
        self.run(self._post())
        self.run(self._keep_texts())

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task that is held until it ends, and whose failure is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def room(self, battle_id: UUID) -> Room:
        found = self.rooms.get(battle_id)
        if found is None:
            found = self.rooms[battle_id] = Room()
        return found

    def peek(self, battle_id: UUID) -> Room:
        """The battle's room for a look; an empty one when nothing goes on in it."""
        return self.rooms.get(battle_id) or Room()

    def join(self, battle_id: UUID) -> Socket:
        socket = Socket()
        self.room(battle_id).sockets.add(socket)
        return socket

    def leave(self, battle_id: UUID, socket: Socket) -> None:
        room = self.room(battle_id)
        room.sockets.discard(socket)
        if not room.sockets:
            room.responses = {pk: r for pk, r in room.responses.items() if r.mine}
        self._tidy(battle_id)

    @property
    def writing(self) -> list[LiveResponse]:
        """What this process is writing."""
        return [
            response
            for room in self.rooms.values()
            for response in room.responses.values()
            if response.mine and not response.finished
        ]

    def tell(self, response: LiveResponse, event: dict[str, Any]) -> None:
        """Sends what happened to a response that we write to whoever watches it."""
        room = self.room(response.battle_id)
        room.push(event)
        for follower in room.followers:
            self._outbox.put_nowait(
                (
                    follower,
                    {
                        "type": "relay",
                        "battle": str(response.battle_id),
                        "id": response.id,
                        "event": event,
                    },
                )
            )

    def tell_started(
        self, battle_id: UUID, event: dict[str, Any], responses: Iterable[int], *, new: bool
    ) -> None:
        """A new turn, or responses that are written again. Of a new battle no page is open that
        another process should tell."""
        self.room(battle_id).push(event, started=responses)
        if not new:
            self.tell_others({"type": "changed", "battle": str(battle_id)})

    def tell_all(self, battle_id: UUID, event: dict[str, Any]) -> None:
        """Sends an event to every socket of a battle, in whichever process."""
        if battle_id in self.rooms:
            self.rooms[battle_id].push(event)
        self.tell_others({"type": "event", "battle": str(battle_id), "event": event})

    def tell_others(self, message: dict[str, Any]) -> None:
        self._outbox.put_nowait((None, message))

    def forget_later(self, response: LiveResponse) -> None:
        """A state that was read before the response was saved still needs it for a moment."""
        if response.mine:
            self._to_release.append(response.id)
        asyncio.get_running_loop().call_later(FORGET_AFTER_S, self._forget, response)

    async def follow(self, battle_id: UUID) -> bool:
        """Asks for what another process writes in this battle. True when it answered."""
        room = self.room(battle_id)
        room.snapshot.clear()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._listening.wait()
                self.tell_others({"type": "follow", "battle": str(battle_id), "by": self.name})
                await room.snapshot.wait()
        except TimeoutError:
            return False
        return True

    def end_writing(self, by: str, battle_id: UUID | None = None) -> list[asyncio.Task[Any]]:
        """Ends what this process writes, in one battle or in all; returns the tasks to wait for."""
        rooms = self.rooms if battle_id is None else {battle_id: self.peek(battle_id)}
        responses = [r for room in rooms.values() for r in room.responses.values() if r.mine]
        for response in responses:
            if not response.finished:
                response.end(by)
        return [r.writer for r in responses if r.writer is not None and not r.writer.done()]

    async def sent(self) -> None:
        """Waits until all that was said to other processes is on its way."""
        await self._outbox.join()

    async def close(self) -> None:
        """Ends everything that this loop still does."""
        rest = {task for task in self._tasks if task is not asyncio.current_task()}
        while rest:
            for task in rest:
                task.cancel()
            # Again, if need be: Python 3.11's wait_for inside redis-py can lose a cancellation.
            _, rest = await asyncio.wait(rest, timeout=CLOSE_AGAIN_S)
        await self._release()
        await self.keeper.close()
        _hubs.pop(asyncio.get_running_loop(), None)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A background task failed.", exc_info=error)

    def _forget(self, response: LiveResponse) -> None:
        room = self.room(response.battle_id)
        if room.responses.get(response.id) is response:
            del room.responses[response.id]
        if not any(other.mine for other in room.responses.values()):
            room.followers.clear()
        self._tidy(response.battle_id)

    def _tidy(self, battle_id: UUID) -> None:
        if battle_id in self.rooms and self.rooms[battle_id].empty:
            del self.rooms[battle_id]

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                if self._channel is None:
                    channel = await layer.new_channel("web.")
                    await layer.group_add(live.WEB, channel)
                    self._channel = channel
                    self._listening.set()
                message = await layer.receive(self._channel)
            except (RedisError, OSError) as error:
                self._note(error)
                await asyncio.sleep(RETRY_AFTER_S)
                continue
            if message.get("origin") == self.name:
                continue
            for to, one in message.get("messages", [(None, message)]):
                if to in {None, self.name}:
                    self._take(one)

    async def _post(self) -> None:
        """All that waits goes as one message to all, in its order. With many streams a sending
        takes tenths of a second, as the loop has much to do between its steps: one for each event,
        or for each process, would not keep up."""
        layer = get_channel_layer()
        while True:
            waiting = [await self._outbox.get()]
            while not self._outbox.empty():
                waiting.append(self._outbox.get_nowait())
            try:
                message = {"type": "several", "origin": self.name, "messages": waiting}
                await layer.group_send(live.WEB, message)
                self._deaf = False
            except (RedisError, OSError) as error:
                self._note(error)
            finally:
                for _ in waiting:
                    self._outbox.task_done()

    def _note(self, error: Exception) -> None:
        if not self._deaf:
            self._deaf = True
            logger.warning("Other web processes cannot be reached: %s", error)

    async def _keep_texts(self) -> None:
        kept: dict[int, int] = {}
        while True:
            await asyncio.sleep(KEEP_TEXT_EVERY_S)
            writing = {response.id: response for response in self.writing}
            # Before the texts: one that nobody has claimed is taken for what a dead process left.
            unknown = await self.keeper.beat(writing)
            await self.keeper.claim(pk for pk in unknown if not writing[pk].finished)
            grown = {pk: r.text for pk, r in writing.items() if len(r.text) != kept.get(pk, 0)}
            await self.keeper.keep(grown)
            kept = {pk: len(response.text) for pk, response in writing.items()}
            await self._release()

    async def _release(self) -> None:
        ended, self._to_release = self._to_release, []
        await self.keeper.release(ended)

    def _take(self, message: dict[str, Any]) -> None:
        try:
            self._heard(message)
        except (KeyError, TypeError, ValueError):
            logger.exception("Another web process sent what this one does not understand.")

    def _heard(self, message: dict[str, Any]) -> None:
        battle_id = UUID(message["battle"])
        room = self.rooms.get(battle_id)
        if room is None:
            return
        match message["type"]:
            case "follow":
                self._answer(room, battle_id, message["by"])
            case "snapshot":
                self._mirror(room, battle_id, message["responses"])
            case "relay":
                response = room.responses.get(message["id"])
                if response is not None and not response.mine:
                    response.follow(message["event"])
                    room.push(message["event"])
                    if response.finished:
                        self.forget_later(response)
            case "event":
                room.push(message["event"])
            case "changed":
                room.opening = []
                for socket in room.sockets:
                    socket.resync()
            case "stop":
                self.end_writing("stop", battle_id)
            case unknown:
                raise ValueError(f"Unknown message {unknown!r}. Do all processes run one version?")

    def _answer(self, room: Room, battle_id: UUID, follower: str) -> None:
        mine = [response for response in room.responses.values() if response.mine]
        if mine:
            room.followers.add(follower)
            said = [response.as_message() for response in mine]
            self._outbox.put_nowait(
                (follower, {"type": "snapshot", "battle": str(battle_id), "responses": said})
            )

    def _mirror(self, room: Room, battle_id: UUID, said: list[dict[str, Any]]) -> None:
        for fields in said:
            old = room.responses.get(fields["id"])
            if old is None or not old.mine:
                mirror = LiveResponse(battle_id=battle_id, mine=False, **fields)
                room.responses[mirror.id] = mirror
                if mirror.finished:
                    self.forget_later(mirror)
        room.snapshot.set()
        for socket in room.sockets:
            socket.resync()


def get_hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
    return hub


def announce(battle_id: UUID, event: dict[str, Any]) -> None:
    """Sends an event to every socket of a battle, in whichever process. From synchronous code."""
    announce_in_each([battle_id], event)


def announce_in_each(battles: Iterable[UUID], event: dict[str, Any]) -> None:
    """As `announce`, of several battles, with one message to the other processes."""
    for loop, hub in list(_hubs.items()):
        if loop.is_running():
            for battle_id in battles:
                loop.call_soon_threadsafe(hub.tell_all, battle_id, event)
            return
    said = [(None, {"type": "event", "battle": str(one), "event": event}) for one in battles]
    message = {"type": "several", "origin": "", "messages": said}
    try:
        async_to_sync(get_channel_layer().group_send)(live.WEB, message)
    except (RedisError, OSError) as error:
        logger.warning("Open pages were not told of an event: %s", error)
