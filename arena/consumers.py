"""The socket of a battle: first the state, then what happens.

A plain ASGI application, not a Channels consumer: those hold a channel in the channel layer,
while events of a battle come directly from the hub, also when Redis is down.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from arena import generation, live
from arena.blindness import in_words
from arena.errors import NotFound
from arena.live.hub import get_hub
from arena.live.room import Frame, Socket
from arena.middleware import Visitor
from arena.models import Battle, Population
from arena.selectors import (
    SESSION_KEYS,
    BattleState,
    Job,
    first_state,
    mark_of,
    own_battle,
    state_of,
)
from arena.sentences import shown
from arena.threads import in_thread

# No event in such a time while responses are unfinished: say that the connection lives, and if
# another process writes, look whether it still does.
LOOK_AGAIN_S = 3.0
BEAT = Frame(orjson.dumps(live.beat()).decode(), "beat")

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


async def battle_socket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """/ws/battles/{id}/ for the battle's rater; for anyone else it closes with 4404."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    battle_id: UUID = scope["url_route"]["kwargs"]["battle_id"]
    hub = get_hub()
    # Joined before it is read: what happens in between would be lost otherwise.
    socket = hub.join(battle_id)
    sender: asyncio.Task[None] | None = None
    try:
        visitor: Visitor = scope["visitor"]
        seen = await _just_begun(hub.peek(battle_id).opening, visitor)
        if seen is None:
            seen = await in_thread(_own, battle_id, visitor)
        battle, state = seen
        page = Page(battle, socket, send)
        sender = hub.run(page.follow(state))
        while (message := await receive())["type"] != "websocket.disconnect":
            await page.say(live.refused(_complaint(message.get("text"))))
    except NotFound as error:
        await send({"type": "websocket.close", "code": live.NOT_YOURS, "reason": error.reason})
    finally:
        if sender is not None:
            sender.cancel()
        hub.leave(battle_id, socket)


async def _just_begun(opening: list[Job], visitor: Visitor) -> tuple[Battle, BattleState] | None:
    """What `_own` finds of a blind battle that this process began a moment ago, if its rater is
    anonymous and the visitor that rater. None says nothing: the database knows."""
    if not opening or not opening[0].blind or visitor.authorization is not None:
        return None
    battle = opening[0].battle
    if battle.rater.user_id is not None:
        return None
    mark = await visitor.session.aget(SESSION_KEYS[Population(battle.population)])
    return (battle, first_state(opening)) if opening and mark == mark_of(battle.rater) else None


def _own(battle_id: UUID, visitor: Visitor) -> tuple[Battle, BattleState]:
    """The visitor's battle and its state, or NotFound."""
    battle = own_battle(battle_id, user=visitor.user(), session=visitor.session)
    return battle, state_of(battle)


async def no_socket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Any other address: closes with 4404 too."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    reason = "There is no socket at this address."
    await send({"type": "websocket.close", "code": live.NOT_YOURS, "reason": reason})


class Page:
    """One open page and what it has been told."""

    def __init__(self, battle: Battle, socket: Socket, send: Send) -> None:
        self._battle = battle
        self._socket = socket
        self._send = send
        self._told: set[int] = set()  # responses that the page knows of
        self._unfinished: set[int] = set()
        self._voted = False
        self._last_state = ""
        self._silent = True  # no event since the last look
        self._timer: asyncio.TimerHandle | None = None
        self._plain = get_language() == settings.LANGUAGE_CODE

    async def follow(self, state: BattleState) -> None:
        """Sends the state, which was read after the socket had joined, and then every event, until
        the page goes."""
        try:
            await self._tell_state(state)
            self._wait()
            while True:
                frame = await self._socket.next()
                self._silent = False
                if self._socket.too_slow:
                    await self._close(live.TOO_SLOW, "Events were not read in time. Connect again.")
                    return
                if frame.kind == "gone":
                    await self._close(live.NOT_YOURS, "This battle is deleted.")
                    return
                if frame.kind == "resync":
                    await self._tell_state()
                elif self._is_new(frame):
                    await self._send({"type": "websocket.send", "text": self._text(frame)})
        except OSError:
            return  # the page went while something was being sent
        except Battle.DoesNotExist:  # it went while it was read
            await self._close(live.NOT_YOURS, "This battle is deleted.")
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def say(self, event: live.Event) -> None:
        await self._send({"type": "websocket.send", "text": orjson.dumps(event).decode()})

    async def _close(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def _tell_state(self, read: BattleState | None = None) -> None:
        if read is None:
            self._socket.stale = False
        state = await generation.look(self._battle, read, html=True, follow=True)
        while self._socket.stale:
            self._socket.stale = False
            state = await generation.look(self._battle, html=True, follow=True)
        for response in state.responses:
            response.error = shown(response.error)
            response.html = in_words(response.html or "")
        # From the end of that look up to here nothing was awaited, so the state holds exactly
        # what the waiting frames say.
        self._socket.forget()
        self._told = {response.id for response in state.responses}
        self._unfinished = {response.id for response in state.responses if not response.finished}
        self._voted = state.vote is not None
        text = orjson.dumps(live.state(state.as_json())).decode()
        if text != self._last_state:
            self._last_state = text
            await self._send({"type": "websocket.send", "text": text})

    def _wait(self) -> None:
        """One timer at a time, however many events come."""
        self._silent = True
        self._timer = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        if self._silent:
            responses = get_hub().peek(self._battle.pk).responses
            if self._unfinished - {pk for pk, one in responses.items() if one.finished}:
                self._socket.push(BEAT)
            if any(pk not in responses or not responses[pk].mine for pk in self._unfinished):
                self._socket.resync()
            else:
                self._unfinished = {pk for pk in self._unfinished if not responses[pk].finished}
        self._wait()

    def _text(self, frame: Frame) -> str:
        """The frame's text, which is the same for all pages, as this page's reader reads it."""
        return frame.text if self._plain else _translated(frame)

    def _is_new(self, frame: Frame) -> bool:
        """Whether it tells what the state did not: it may have been sent just after the read."""
        if frame.kind == "started":
            new = not frame.responses <= self._told
            self._told |= frame.responses
            self._unfinished |= frame.responses
            return new
        if frame.kind == "revealed":
            new = not self._voted
            self._voted = True
            return new
        if frame.kind == "changed":
            self._voted = False
        return True


def _translated(frame: Frame) -> str:
    if frame.kind not in {"delta", "error"}:
        return frame.text
    event = orjson.loads(frame.text)
    if frame.kind == "error":
        event["error"] = shown(event["error"])
    else:
        event["html"] = in_words(event["html"])
    return orjson.dumps(event).decode()


def _complaint(text: str | None) -> str:
    """What is wrong with a frame from the browser: this socket needs none."""
    if text is None:
        return _("Binary frames are not understood. This socket only sends.")
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return _("That frame is not JSON. This socket only sends.")
    return _("This socket only sends. Use the HTTP API to prompt, stop, vote and react.")
