"""Skip, resume, edit and regenerate: what a rater did instead of voting is kept as it was."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from arena.models import Battle, Prompt, Response
from tests.arena.rating import begin, contenders, finish, page, started, vote, voted

__all__ = ["contenders", "started"]

pytestmark = pytest.mark.django_db


class TestSkip:
    def test_the_next_battle_begins_at_once(self, client: Client, started: list[UUID]) -> None:
        battle = begin(client, size=3)
        answer = client.post(reverse("skip", args=[battle.pk]), follow=True)
        assert answer.redirect_chain[0][0] == "/?mode=anonymous&size=3&focus=1"
        assert f'Skipped. <a href="{battle.get_absolute_url()}">' in page(answer)
        assert started == [battle.pk, battle.pk]  # its writing was begun and stopped
        battle.refresh_from_db()
        assert battle.state == Battle.State.SKIPPED

    def test_it_stays_blind(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        client.post(reverse("skip", args=[battle.pk]))
        shown = page(client.get(battle.get_absolute_url()))
        assert "You skipped this battle" in shown
        assert not any(one.contender.name in shown for one in battle.placements.all())
        assert client.get(f"/api/v1/battles/{battle.pk}").json()["contenders"] is None

    def test_it_cannot_be_voted_on_until_it_is_resumed(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        client.post(reverse("skip", args=[battle.pk]))
        assert vote(client, battle, "a").status_code == 409
        follow_up = reverse("add_turn", args=[battle.pk])
        assert client.post(follow_up, {"prompt": "More"}).status_code == 409
        assert client.post(reverse("resume", args=[battle.pk])).status_code == 303
        assert vote(client, battle, "a").status_code == 303
        battle.refresh_from_db()
        assert battle.vote.counted

    def test_what_the_skip_stopped_can_be_written_again(self, client: Client) -> None:
        battle = begin(client)
        client.post(reverse("skip", args=[battle.pk]))
        Response.objects.update(state=Response.State.STOPPED)
        shown = page(client.post(reverse("resume", args=[battle.pk]), follow=True))
        said = shown.split('role="status">', 1)[1]
        assert said.startswith("The responses were stopped before anything was written. Retry")
        assert "Retry A" in shown
        Response.objects.update(state=Response.State.ERROR)
        failed = page(client.get(battle.get_absolute_url()))
        assert 'role="status">No answer was finished.' in failed

    def test_my_battles_lists_it(self, client: Client) -> None:
        battle = begin(client, prompt="Skip me")
        client.post(reverse("skip", args=[battle.pk]))
        assert "Skip me" in page(client.get(reverse("battles"), {"state": "skipped"}))
        assert "Skip me" not in page(client.get(reverse("battles"), {"state": "open"}))

    def test_a_decided_battle_cannot_be_skipped_nor_resumed(self, client: Client) -> None:
        battle = voted(client)
        assert client.post(reverse("skip", args=[battle.pk])).status_code == 409
        assert client.post(reverse("resume", args=[battle.pk])).status_code == 409

    def test_the_api_skips_and_resumes(self, client: Client) -> None:
        battle = begin(client)
        address = f"/api/v1/battles/{battle.pk}"
        assert client.post(f"{address}/skip").json()["state"] == "skipped"
        assert client.post(f"{address}/skip").status_code == 409
        assert client.post(f"{address}/resume").json()["state"] == "open"


class TestEdit:
    def test_the_earlier_prompt_and_answers_are_kept(
        self, client: Client, started: list[UUID]
    ) -> None:
        battle = begin(client, prompt="Frist")
        finish(battle)
        answer = client.post(reverse("edit_turn", args=[battle.pk, 1]), {"prompt": "First"})
        assert answer.status_code == 303
        assert started == [battle.pk, battle.pk]
        assert [turn.prompt for turn in battle.turns.all()] == ["First"]
        older = Response.objects.filter(turn__battle=battle, superseded=True)
        assert [(one.asked, one.text) for one in older] == [("Frist", "one"), ("Frist", "two")]

    def test_each_version_keeps_its_own_prompt(self, client: Client) -> None:
        battle = begin(client, prompt="One")
        for prompt in ("Two", "Three"):
            finish(battle)
            client.post(reverse("edit_turn", args=[battle.pk, 1]), {"prompt": prompt})
        older = Response.objects.filter(superseded=True).order_by("pk")
        assert [one.asked for one in older] == ["One", "One", "Two", "Two"]

    def test_the_category_follows_the_prompt(self, client: Client) -> None:
        Prompt.objects.create(slug="sum", category="maths", text="1 + 1?")
        battle = begin(client, prompt="Hello")
        finish(battle)
        client.post(reverse("edit_turn", args=[battle.pk, 1]), {"prompt": "1 + 1?"})
        battle.refresh_from_db()
        assert battle.category == "maths"

    def test_only_the_last_turn_can_be_edited(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        client.post(reverse("add_turn", args=[battle.pk]), {"prompt": "More"})
        finish(battle)
        answer = client.post(reverse("edit_turn", args=[battle.pk, 1]), {"prompt": "Other"})
        assert answer.status_code == 409
        assert "Other" in page(answer).split('id="edited-2"')[1]

    def test_a_refused_prompt_changes_nothing(self, client: Client) -> None:
        battle = begin(client, prompt="Good")
        finish(battle)
        answer = client.post(reverse("edit_turn", args=[battle.pk, 1]), {"prompt": " "})
        assert answer.status_code == 422
        assert battle.turns.get().prompt == "Good"
        assert not Response.objects.filter(superseded=True).exists()

    def test_the_api_edits(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        answer = client.put(
            f"/api/v1/battles/{battle.pk}/turns/1",
            {"prompt": "Better"},
            content_type="application/json",
        )
        assert answer.status_code == 200
        assert answer.json()["turns"][0]["prompt"] == "Better"


def test_all_are_written_again_and_the_older_ones_kept(client: Client, started: list[UUID]) -> None:
    battle = begin(client)
    finish(battle)
    assert client.post(reverse("regenerate", args=[battle.pk, 1])).status_code == 303
    assert started == [battle.pk, battle.pk]
    older = Response.objects.filter(turn__battle=battle, superseded=True)
    assert [one.text for one in older] == ["one", "two"]
    assert [one.asked for one in older] == ["", ""]
