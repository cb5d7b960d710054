"""A rater's own pages: filters, paging, data to take along, and being forgotten."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from arena.models import Battle, Rater, Reaction, Response, Turn, Vote
from arena.selectors import decided_votes, position_biases
from ranking.models import CountedVote, EloRating, Tally
from ranking.services import Rebuilt, rebuild
from tests.arena.rating import begin, contenders, finish, page, started, vote, voted

__all__ = ["contenders", "started"]

pytestmark = pytest.mark.django_db


class TestList:
    def test_it_narrows_by_state_and_mode(self, client: Client) -> None:
        voted(client, prompt="Decided")
        begin(client, prompt="Waiting")
        begin(client, prompt="Talk", mode="direct", contenders=["amber-heron"])

        def listed(**query: str) -> set[str]:
            shown = page(client.get(reverse("battles"), query))
            return {prompt for prompt in ("Decided", "Waiting", "Talk") if prompt in shown}

        assert listed() == {"Decided", "Waiting", "Talk"}
        assert listed(state="voted") == {"Decided"}
        assert listed(state="open") == {"Waiting"}
        assert listed(mode="direct") == {"Talk"}
        assert listed(state="voted", mode="direct") == set()
        assert listed(state="nonsense") == {"Decided", "Waiting", "Talk"}

    def test_older_ones_are_on_further_pages(self, client: Client) -> None:
        for number in range(27):
            finish(begin(client, prompt=f"Number {number}."))
        first = page(client.get(reverse("battles")))
        assert "Number 26." in first
        assert "Number 1." not in first
        assert "Page 1 of 2" in first
        second = page(client.get(reverse("battles"), {"page": "2"}))
        assert "Number 1." in second
        assert "Page 2 of 2" in page(client.get(reverse("battles"), {"page": "99"}))

    def test_the_api_lists_them(self, client: Client) -> None:
        battle = voted(client, prompt="Decided")
        begin(client)
        (entry,) = client.get("/api/v1/mine?state=voted").json()
        assert entry["url"] == battle.get_absolute_url()
        assert entry["verdict"] == "You found A better"
        assert client.get("/api/v1/mine?page=2").json() == []
        assert client.get("/api/v1/mine?state=lost").status_code == 422


class TestData:
    def test_it_holds_all_that_was_typed_and_answered(self, client: Client) -> None:
        battle = begin(client, prompt="Frist")
        finish(battle)
        client.post(reverse("edit_turn", args=[battle.pk, 1]), {"prompt": "First"})
        finish(battle)
        client.post(reverse("react", args=[battle.pk, 1, "B"]), {"value": -1})
        vote(client, battle, "b", comment="Short.")
        begin(Client(), prompt="Somebody else's")
        answer = client.get(reverse("my_data"))
        assert "attachment" in answer["Content-Disposition"]
        (told,) = json.loads(answer.content)["battles"]
        assert told == client.get("/api/v1/mine/data").json()["battles"][0]
        assert told["vote"]["comment"] == "Short."
        assert len(told["contenders"]) == 2
        responses = told["turns"][0]["responses"]
        assert sorted((one["prompt"], one["position"]) for one in responses) == [
            ("First", "A"),
            ("First", "B"),
            ("Frist", "A"),
            ("Frist", "B"),
        ]
        assert [one["reaction"]["value"] for one in responses if one["reaction"]] == [-1]

    def test_a_blind_battle_stays_blind(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        raw = client.get(reverse("my_data")).content.decode()
        assert not any(one.contender.name in raw for one in battle.placements.all())

    def test_a_name_that_the_page_hides_is_hidden_until_the_vote(self, client: Client) -> None:
        battle = begin(client)
        finish(battle, ["I am ChatGPT.", "Hello."])
        Response.objects.filter(text__contains="ChatGPT").update(disclosures=[[5, 12]], masked=True)
        assert "ChatGPT" not in client.get("/api/v1/mine/data").content.decode()
        vote(client, battle, "b")
        assert "I am ChatGPT." in client.get("/api/v1/mine/data").content.decode()


class TestForget:
    def forget(self, client: Client, votes: str = "keep") -> Any:
        return client.post(reverse("forget_me"), {"votes": votes})

    def test_it_says_first_what_will_go(self, client: Client) -> None:
        voted(client)
        shown = page(client.get(reverse("forget_me")))
        assert "Your battle will be deleted with all that is in it:" in shown
        begin(client)
        shown = page(client.get(reverse("forget_me")))
        assert "Your 2 battles will be deleted with all that is in them:" in shown
        assert f'<a href="{reverse("my_data")}">download your data</a>' in shown
        assert "One vote of yours counts." in shown
        assert Battle.objects.count() == 2

    def test_without_votes_nothing_is_asked_about_them(self, client: Client) -> None:
        begin(client)
        shown = page(client.get(reverse("forget_me")))
        assert "What becomes of" not in shown
        assert 'type="radio"' not in shown
        assert '<input type="hidden" name="votes" value="keep">' in shown
        assert self.forget(client).status_code == 303
        assert not Battle.objects.exists()

    def test_verdicts_stay_without_text_and_person(self, client: Client) -> None:
        battle = voted(client, prompt="My secret is def f(): pass")
        client.post(reverse("react", args=[battle.pk, 1, "A"]), {"value": 1})
        rater = battle.rater_id
        begin(client, prompt="Unfinished secret")
        Vote.objects.update(comment="Secret", reasons=["I live in Ulm"])
        assert Vote.objects.get().features
        (before,) = decided_votes()
        elo = list(EloRating.objects.filter(category="overall").values_list("rating", flat=True))
        assert self.forget(client).status_code == 303
        (after,) = decided_votes(texts=True)
        assert (after.ranks, after.contender_ids) == (before.ranks, before.contender_ids)
        assert after.cast_at == before.cast_at
        assert after.prompts == ()
        assert not Rater.objects.filter(pk=rater).exists()
        assert not Turn.objects.exists()
        assert not Response.objects.exists()
        assert not Reaction.objects.exists()
        vote = Vote.objects.get()
        assert (vote.comment, vote.reasons, vote.features) == ("", [], {})
        kept = EloRating.objects.filter(category="overall")
        assert list(kept.values_list("rating", flat=True)) == elo
        assert rebuild() == Rebuilt(1, rows_equal=True, tallies_equal=True, elo_equal=True)
        assert [bias.votes for bias in position_biases(least=1)] == [1]

    def test_what_the_texts_said_of_a_vote_is_forgotten_too(self, client: Client) -> None:
        voted(client, prompt="```python\ndef f(): pass\n```")
        assert "coding" in CountedVote.objects.get().categories
        self.forget(client)
        row = CountedVote.objects.get()
        assert "coding" not in row.categories
        assert row.rater == Rater.objects.get().pk
        assert not Tally.objects.filter(category="coding").exists()
        assert rebuild() == Rebuilt(1, rows_equal=True, tallies_equal=True, elo_equal=True)

    def test_votes_go_too_if_the_rater_wishes(self, client: Client) -> None:
        other = voted(Client())
        expected = sorted(EloRating.objects.values_list("contender", "category", "rating"))
        voted(client)
        self.forget(client, "delete")
        assert [one.battle for one in Vote.objects.all()] == [other]
        assert sorted(EloRating.objects.values_list("contender", "category", "rating")) == expected
        assert rebuild() == Rebuilt(1, rows_equal=True, tallies_equal=True, elo_equal=True)

    @pytest.mark.parametrize("votes", ["keep", "delete"])
    def test_nobody_finds_the_battles_any_more(self, client: Client, votes: str) -> None:
        battle = voted(client)
        self.forget(client, votes)
        shown = page(client.get(reverse("battles")))
        assert "Your data is deleted." in shown
        assert "No battles yet" in shown
        assert client.get(battle.get_absolute_url()).status_code == 404
        assert begin(client).rater_id != battle.rater_id

    def test_others_keep_theirs(self, client: Client) -> None:
        other = Client()
        battle = voted(other, prompt="Not yours")
        voted(client)
        self.forget(client, "delete")
        assert "Not yours" in page(other.get(battle.get_absolute_url()))

    def test_an_account_stays_and_can_begin_anew(self, client: Client) -> None:
        client.force_login(User.objects.create_user("ada"))
        voted(client)
        self.forget(client)
        assert begin(client).rater.user.username == "ada"
        assert Battle.objects.filter(rater__user=None).count() == 1

    def test_a_form_without_the_choice_changes_nothing(self, client: Client) -> None:
        voted(client)
        assert client.post(reverse("forget_me")).status_code == 422
        assert Vote.objects.exists()

    def test_what_is_being_written_is_stopped(self, client: Client, started: list[Any]) -> None:
        battle = begin(client)
        self.forget(client)
        assert started == [battle.pk, battle.pk]

    def test_a_stranger_has_nothing_to_delete(self, client: Client) -> None:
        voted(Client())
        assert "nothing to delete" in page(client.get(reverse("forget_me")))
        self.forget(client, "delete")
        assert Vote.objects.exists()

    def test_the_api_forgets(self, client: Client) -> None:
        voted(client)
        assert client.delete("/api/v1/mine/data?votes=some").status_code == 422
        assert client.delete("/api/v1/mine/data?votes=delete").status_code == 204
        assert not Vote.objects.exists()
