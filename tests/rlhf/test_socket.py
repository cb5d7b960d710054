"""The socket of a run's page."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from arena.models import Contender
from arena.services import create_token
from rlhf import services
from rlhf.models import Job, Run
from tests.rlhf.votes import many_votes
from tests.sockets import TestSocket

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Any]


def cookie(client: Client) -> tuple[bytes, bytes]:
    return b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens sockets, and closes them when the test ends."""
    sockets: list[TestSocket] = []

    async def open_socket(pk: int, *headers: tuple[bytes, bytes]) -> TestSocket:
        socket = TestSocket(f"/ws/runs/{pk}/", headers=headers)
        assert await socket.connect()
        sockets.append(socket)
        return socket

    yield open_socket
    for socket in sockets:
        if socket.close_code is None:
            await socket.disconnect()
    await get_channel_layer().flush()
    await sync_to_async(connections.close_all)()


async def test_it_first_says_where_the_run_is(operator_client: Client, opened: Open) -> None:
    run = await Run.objects.acreate(
        stage="reward", name="reward-1", state=Job.State.RUNNING, phase="features", progress=0.5
    )
    event = await (await opened(run.pk, cookie(operator_client))).receive()
    assert (event["event"], event["id"]) == ("run", run.pk)
    assert (event["state"], event["phase"], event["progress"]) == ("running", "features", 0.5)


async def test_it_tells_each_step_until_the_end(
    operator_client: Client, opened: Open, stage: Callable[..., None], base: Contender
) -> None:
    await sync_to_async(many_votes)(20)
    run = await sync_to_async(services.create_run)(stage="reward")
    socket = await opened(run.pk, cookie(operator_client))
    assert (await socket.receive())["state"] == "queued"
    await sync_to_async(services.follow_run)(run.pk)
    events = []
    while not events or events[-1]["state"] == "running":
        events.append(await socket.receive())
    assert events[-1]["state"] == "succeeded"
    assert [event["progress"] for event in events] == sorted(event["progress"] for event in events)


async def test_a_token_of_staff_opens_it(operator: User, opened: Open) -> None:
    run = await Run.objects.acreate(stage="reward", name="reward-1")
    token = await sync_to_async(create_token)(user=operator)
    socket = await opened(run.pk, (b"authorization", f"Bearer {token}".encode()))
    assert (await socket.receive())["state"] == "queued"


async def test_strangers_and_raters_are_shown_out(rater_client: Client, opened: Open) -> None:
    run = await Run.objects.acreate(stage="reward", name="reward-1")
    for headers in ([], [cookie(rater_client)]):
        socket = await opened(run.pk, *headers)
        assert await socket.receive() is None
        assert socket.close_code == 4404


async def test_a_run_that_is_not_there_closes_it(operator_client: Client, opened: Open) -> None:
    socket = await opened(99, cookie(operator_client))
    assert await socket.receive() is None
    assert socket.close_code == 4404


async def test_malformed_frames_do_no_harm(operator_client: Client, opened: Open) -> None:
    run = await Run.objects.acreate(stage="reward", name="reward-1")
    socket = await opened(run.pk, cookie(operator_client))
    await socket.receive()
    await socket.send("not json")
    await socket.send(data=b"\xff\x00")
    await sync_to_async(services.announce_run)(run)
    assert (await socket.receive())["event"] == "run"


async def test_a_wrong_token_is_closed_with_4401(opened: Open) -> None:
    run = await Run.objects.acreate(stage="reward", name="reward-1")
    socket = await opened(run.pk, (b"authorization", b"Bearer nonsense"))
    assert await socket.receive() is None
    assert socket.close_code == 4401
