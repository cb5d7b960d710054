"""A response that names its maker or model is noticed while it streams."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from arena.disclosure import MASK, Watcher, masked
from arena.models import Response, Vote
from arena.rendering import render
from tests.arena.conftest import Arena

OWN = ("Warm Teacher", "warm-teacher", "smollm2-135m-instruct", "Echo")

DISCLOSING = [
    ("I am ChatGPT, made by OpenAI. I like Google.", "I am @, made by @. I like Google."),
    ("As an AI developed by Google, I can't.", "As an AI developed by @, I can't."),
    ("I'm Claude 3.5 Sonnet. OpenAI is a firm.", "I'm @. OpenAI is a firm."),
    ("I’m Llama 3.1", "I’m @"),
    ("I am GPT-4.", "I am @."),
    ("Call me GPT-4o mini, please", "Call me @, please"),
    ("My name is **SmolLM2**, a model.", "My name is **@**, a model."),
    ("I am Warm Teacher!", "I am @!"),
    ("I am a large language model trained by Meta.", "I am a large language model trained by @."),
    ("I was trained at Hugging Face. Qwen too", "I was trained at @. Qwen too"),
    ("My creators are Google and OpenAI", "My creators are @ and @"),
    ("Ich bin ein Sprachmodell von OpenAI.", "Ich bin ein Sprachmodell von @."),
    ("Ich wurde von Mistral AI entwickelt.", "Ich wurde von @ entwickelt."),
    ("Je suis un modèle développé par Google.", "Je suis un modèle développé par @."),
    ("Soy un modelo de lenguaje creado por Meta.", "Soy un modelo de lenguaje creado por @."),
    ("Sono un modello sviluppato da Google.", "Sono un modello sviluppato da @."),
    ("Меня зовут GigaChat.", "Меня зовут @."),
    ("我是由OpenAI开发的语言模型。", "我是由@开发的语言模型。"),
    ("我是通义千问，由阿里云开发。", "我是@，由@开发。"),
    ("私はOpenAIによって開発されました。", "私は@によって開発されました。"),
    ("As Qwen, I can help.", "As @, I can help."),
    ("Sorry, but as **Claude**, my answer is no.", "Sorry, but as **@**, my answer is no."),
    ("As an OpenAI language model, I cannot", "As an @ language model, I cannot"),
    ("As a Google AI assistant, I cannot", "As a @, I cannot"),
    ("Als Qwen kann ich helfen.", "Als @ kann ich helfen."),
    ("OpenAI created me.", "@ created me."),
    ("Yes. The company Anthropic trained me to help", "Yes. The company @ trained me to help"),
    ("Anthropic's team created me.", "@'s team created me."),
    ("Google is my creator", "@ is my creator"),
    ("OpenAI created me", "@ created me"),
    ("Mistral AI m’a créé.", "@ m’a créé."),
    ("I, Claude, was trained by Anthropic.", "I, @, was trained by @."),
    ("You are talking to ChatGPT.", "You are talking to @."),
    ("Hi! You’re now chatting with Claude 3 Opus!", "Hi! You’re now chatting with @!"),
    ("Yes, you are speaking with Gemini.", "Yes, you are speaking with @."),
    ("This is Gemini speaking.", "This is @ speaking."),
    ("Hello, this is Claude here", "Hello, this is @ here"),
    ("I run on GPT-4.", "I run on @."),
    ("I'm based on Llama 3", "I'm based on @"),
    ("I'm powered by GPT-4o.", "I'm powered by @."),
    ("Model: GPT-4", "Model: @"),
    ("Sure.\n- **Model name:** Claude 3.5 Sonnet\n", "Sure.\n- **Model name:** @\n"),
    ("Claude here!", "@ here!"),
    ("Hi, **Qwen** here. I can help.", "Hi, **@** here. I can help."),
    ("I'm Nova by Amazon", "I'm Nova by @"),
]
INNOCENT = [
    "GPT-4 is a language model developed by OpenAI. I am a fan of Google.",
    "I am a big fan of OpenAI.",
    "I was surprised by Google.",
    "I'm a software engineer at Google",
    "I am warm. Teacher, help me!",
    "Echo, echo: I am an echo of myself.",
    "As an AI language model, I can compare ChatGPT and Claude for you.",
    "She said: they were made by OpenAI",
    "I use Llama. I am using Google Docs.",
    "OpenAI created GPT-4.",
    "OpenAI created me-too products",
    "Google made me a fan. Apple made me smile.",
    "OpenAI. Created me",
    "As Qwen users know, I like it",
    "As a falcon, I see far; as an apple, I am red.",
    "As Claude, my cousin, said: Claude made me, honestly, cry",
    "Chatbots such as Claude, I think, are fine",
    "Claude Monet painted water lilies. Claude is here.",
    "Claude and I, we paint. I, too, like Claude",
    "I like Claude",
    "This is Gemini season",
    "This is what Gemini, speaking to us, said",
    "Model: Ford T. Model: Surface by Microsoft",
    "The model: GPT-4",
    "I run on batteries. I run on Google Cloud, by Amazon",
    "Gemini is a constellation. Gemini hereafter",
    "Compare GPT-4 and Claude",
    "When you are talking to ChatGPT, be brief. You are talking to me about Claude",
    "I'm surprised by Amazon. I'm Peter, and stand by Google",
    "Who created me? OpenAI or me",
]


def watched(pieces: list[str], own: tuple[str, ...] = OWN) -> tuple[list[str], Watcher]:
    watcher = Watcher(own)
    return [*map(watcher.feed, pieces), watcher.finish()], watcher


@pytest.mark.parametrize(("text", "shown"), DISCLOSING)
def test_what_says_who_writes_is_masked(text: str, shown: str) -> None:
    pieces, watcher = watched([text])
    assert "".join(pieces) == shown.replace("@", MASK)
    assert watcher.spans


@pytest.mark.parametrize("text", INNOCENT)
def test_other_mentions_stay(text: str) -> None:
    pieces, watcher = watched([text])
    assert "".join(pieces) == text
    assert watcher.spans == []


@given(data=st.data())
def test_it_does_not_matter_how_the_text_is_cut(data: st.DataObject) -> None:
    texts = [text for text, _ in DISCLOSING] + INNOCENT
    text = " ".join(data.draw(st.lists(st.sampled_from(texts), min_size=1, max_size=3)))
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=30).map(sorted))
    pieces = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
    whole, once = watched([text])
    parts, watcher = watched(pieces)
    assert "".join(parts) == "".join(whole) == masked(text, once.spans)
    assert watcher.spans == once.spans


@pytest.mark.parametrize("text", [text for text, _ in DISCLOSING] + INNOCENT)
def test_it_may_be_cut_anywhere(text: str) -> None:
    whole, once = watched([text])
    for at in range(len(text) + 1):
        parts, watcher = watched([text[:at], text[at:]])
        assert "".join(parts) == "".join(whole)
        assert watcher.spans == once.spans
    assert "".join(watched(list(text))[0]) == "".join(whole)


@given(st.text(max_size=200), st.integers(1, 7))
def test_any_text_comes_back_with_only_the_spans_masked(text: str, size: int) -> None:
    parts, watcher = watched([text[i : i + size] for i in range(0, len(text), size)])
    assert "".join(parts) == masked(text, watcher.spans)


@pytest.mark.parametrize("text", [text for text, _ in DISCLOSING] + INNOCENT)
def test_little_is_held_back(text: str) -> None:
    watcher = Watcher(OWN)
    given_out = 0
    for given_in, character in enumerate(text, 1):
        given_out += len(watcher.feed(character).replace(MASK, ""))
        hidden = sum(end - start for start, end in watcher.spans)
        assert given_in - given_out - hidden <= 40


def test_nothing_is_held_back_of_text_that_says_nothing_of_itself() -> None:
    watcher = Watcher(OWN)
    assert watcher.feed("T") == ""  # it might become a name: "Tongyi here!"
    assert watcher.feed("h") == "Th"
    assert watcher.feed("e quick ") == "e quick "
    for character in "brown fox jumps over Google, OpenAI and a lazy Claude.":
        assert watcher.feed(character) == character


def test_markup_after_a_name_is_waited_through_for_a_while_only() -> None:
    watcher = Watcher()
    assert watcher.feed("OpenAI" + "*" * 30) == ""
    assert watcher.feed("*" * 30)


def test_a_name_that_is_a_common_word_is_not_looked_for() -> None:
    assert watched(["I am an assistant. I am a model."], ("assistant", "base-model"))[1].spans == []


class TestInABattle:
    prompt = "Hello. I am ChatGPT, made by OpenAI, and **bold**."
    shown = f"Hello. I am {MASK}, made by {MASK}, and **bold**. "

    async def battle(self, arena: Arena) -> dict[str, Any]:
        await arena.add("echo", "fast")
        answer = await arena.post("battles", {"prompt": self.prompt})
        battle: dict[str, Any] = answer.json()
        return battle

    async def test_the_name_is_masked_until_the_vote(self, arena: Arena) -> None:
        battle = await self.battle(arena)
        page = await arena.finished(battle["id"])
        assert self.shown in page.texts.values()
        seen = "".join(page.socket.frames).replace(self.prompt, "")
        assert "openai" not in seen.lower()
        assert "chatgpt" not in seen.lower()
        texts = [r["text"] for r in (await arena.battle(battle["id"]))["turns"][0]["responses"]]
        assert self.shown in texts
        html = (await arena.client.get(battle["url"])).content.decode()
        assert "openai" not in html.replace(self.prompt, "").lower()
        stored = await Response.objects.aget(turn__battle=battle["id"], masked=True)
        assert stored.text == self.prompt + " "
        assert [stored.text[a:b] for a, b in stored.disclosures] == ["ChatGPT", "OpenAI"]

    async def test_after_the_vote_the_original_is_shown_and_the_vote_counts(
        self, arena: Arena
    ) -> None:
        battle = await self.battle(arena)
        await arena.finished(battle["id"])
        answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 2]})
        assert answer.json()["vote"]["counted"] is True
        texts = [r["text"] for r in (await arena.battle(battle["id"]))["turns"][0]["responses"]]
        assert self.prompt + " " in texts
        late = await arena.page(battle["id"])
        state = await late.next()
        htmls = [r["html"] for r in state["battle"]["turns"][0]["responses"]]
        assert render(self.prompt) in htmls

    async def test_a_name_across_pieces_is_masked_in_step_too(
        self, arena: Arena, settings: Settings
    ) -> None:
        settings.ARENA_PACING = 40  # four characters at once
        battle = await self.battle(arena)
        page = await arena.page(battle["id"])
        while len(max(page.texts.values(), default="")) < 25:
            await page.next()
        assert MASK in "".join(page.texts.values())
        assert "ChatGPT" not in "".join(page.texts.values())

    async def test_flagged_it_is_shown_and_the_vote_does_not_count(
        self, arena: Arena, settings: Settings
    ) -> None:
        settings.ARENA_DISCLOSURE = "flag"
        battle = await self.battle(arena)
        page = await arena.finished(battle["id"])
        assert self.prompt + " " in page.texts.values()
        answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 2]})
        assert answer.json()["vote"]["counted"] is False
        vote = await Vote.objects.aget()
        assert vote.not_counted_because == "A response named its maker or model."
        assert {place["elo_after"] for place in answer.json()["contenders"]} == {None}

    async def test_switched_off_nothing_happens(self, arena: Arena, settings: Settings) -> None:
        settings.ARENA_DISCLOSURE = "off"
        battle = await self.battle(arena)
        page = await arena.finished(battle["id"])
        assert self.prompt + " " in page.texts.values()
        answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 2]})
        assert answer.json()["vote"]["counted"] is True

    async def test_named_contenders_may_say_who_they_are(self, arena: Arena) -> None:
        battle = await arena.start("echo", "fast", prompt=self.prompt)
        page = await arena.finished(battle["id"])
        assert page.texts[1, "A"] == self.prompt + " "

    async def test_each_hears_its_own_words_in_the_next_turn(self, arena: Arena) -> None:
        battle = await self.battle(arena)
        page = await arena.finished(battle["id"])
        await arena.post(f"battles/{battle['id']}/turns", {"prompt": "And?"})
        await page.until("started")
        await page.until_finished()
        heard = [m["content"] for r in arena.server.requests for m in r["messages"]]
        assert self.prompt + " " in heard
