"""A battle in the reader's language: page, socket, refusals. What is stored stays English."""

from typing import Any

import pytest

from arena.disclosure import MASK
from arena.models import Response, Vote
from tests.arena.conftest import Arena

pytestmark = pytest.mark.django_db(transaction=True)
GERMAN = {"accept-language": "de"}
HEARD = [(b"accept-language", b"de-AT,de;q=0.9")]
NO_ANSWER = "Es kam keine Antwort. Versuchen Sie es noch einmal."
BLIND = {"mode": "anonymous"}


async def page_of(arena: Arena, battle: dict[str, Any]) -> str:
    answer = await arena.client.get(battle["url"], headers=GERMAN)
    return str(answer.content.decode())


async def test_how_contenders_fail_reads_the_same_in_every_language(arena: Arena) -> None:
    battle = await arena.start("error-500", "empty", **BLIND)
    page = await arena.page(battle["id"], headers=HEARD)
    await page.until_finished()
    assert set(page.errors.values()) == {NO_ANSWER}
    late = await arena.page(battle["id"], headers=HEARD)
    await late.until_finished()
    assert set(late.errors.values()) == {NO_ANSWER}
    assert (await page_of(arena, battle)).count(NO_ANSWER) == 2
    assert "No answer came" not in "".join(page.socket.frames)


async def test_each_page_of_a_battle_hears_its_own_language(arena: Arena) -> None:
    battle = await arena.start("error-500", "waits", **BLIND)
    german = await arena.page(battle["id"], headers=HEARD)
    english = await arena.page(battle["id"])
    arena.server.go_on()
    await german.until_finished()
    await english.until_finished()
    assert NO_ANSWER in german.errors.values()
    assert "No answer came. Retry it." in english.errors.values()


async def test_the_language_that_was_chosen_counts_on_the_socket_too(arena: Arena) -> None:
    battle = await arena.start("error-500", "echo", **BLIND)
    arena.client.cookies["language"] = "de"
    page = await arena.finished(battle["id"])
    assert NO_ANSWER in page.errors.values()
    await page.socket.send("Hello")
    while "turn" in (said := await page.socket.receive()):
        pass  # how the last response ended
    assert said["error"] == "Dieser Frame ist kein JSON. Dieser Socket sendet nur."


async def test_named_contenders_fail_in_the_reader_s_language_and_are_stored_in_english(
    arena: Arena,
) -> None:
    battle = await arena.start("error-429", "dies")
    page = await arena.page(battle["id"], headers=HEARD)
    await page.until_finished()
    assert page.errors[1, "A"] == (
        "Der Kandidat ist ausgelastet. Versuchen Sie es später noch einmal."
    )
    assert page.errors[1, "B"] == "Die Antwort brach ab."
    stored = [response.error async for response in Response.objects.order_by("placement__position")]
    assert stored == ["The contender is busy. Retry in a while.", "The answer broke off."]
    html = await page_of(arena, battle)
    assert "Der Kandidat ist ausgelastet." in html
    assert "contender is busy" not in html


async def test_a_hidden_name_is_hidden_in_words_that_are_understood(arena: Arena) -> None:
    await arena.add("echo", "fast")
    battle = (await arena.post("battles", {"prompt": "Hello. I am ChatGPT, and **bold**."})).json()
    page = await arena.page(battle["id"], headers=HEARD)
    await page.until_finished()
    late = await arena.page(battle["id"], headers=HEARD)
    state = await late.next()
    htmls = [response["html"] for response in state["battle"]["turns"][0]["responses"]]
    assert any("I am (Name verdeckt), and <strong>bold" in html for html in htmls)
    shown = [event["html"] for event in page.events if event["event"] == "delta"]
    assert MASK not in "".join([*htmls, *shown])
    assert "I am (Name verdeckt), and <strong>bold" in await page_of(arena, battle)
    texts = [one["text"] for one in (await arena.battle(battle["id"]))["turns"][0]["responses"]]
    assert any(MASK in text for text in texts)  # programs read one word in every language


async def test_why_a_vote_does_not_count_is_translated_where_it_is_read(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    await arena.finished(battle["id"])
    await arena.post(f"battles/{battle['id']}/vote", {"ranks": [2, 1]})
    assert (
        await Vote.objects.aget()
    ).not_counted_because == "The rater knew the contenders' names."
    html = await page_of(arena, battle)
    assert "Sie kannten die Namen der Kandidaten." in html
    assert "Sie fanden B besser" in html


async def test_refusals_follow_the_request_s_language(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    await arena.finished(battle["id"])
    path, wrong = f"battles/{battle['id']}/vote", {"ranks": [1, 2, 3]}

    async def refusal(**more: Any) -> str:
        return str((await arena.post(path, wrong, **more)).json()["error"])

    assert await refusal() == "This battle has 2 responses, so it takes 2 ranks, not 3."
    assert await refusal(headers=GERMAN) == (
        "Dieser Vergleich hat 2 Antworten, braucht also 2 Ränge, nicht 3."
    )
    long = await arena.post("battles", {"prompt": "x" * 16_001}, headers=GERMAN)
    assert "hat 16.001 Zeichen; höchstens 16.000 passen" in long.json()["error"]
