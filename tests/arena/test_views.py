"""The arena's pages through their addresses. Contenders don't write here: texts are put in."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from arena import services
from arena.models import Battle, Contender, Placement, Prompt, Reaction, Response, Vote
from tests.arena.rating import HTMX, begin, contenders, finish, page, ranks, started

__all__ = ["contenders", "started"]

pytestmark = pytest.mark.django_db


class TestHome:
    def test_it_starts_a_battle_and_sends_the_rater_there(
        self, client: Client, started: list[UUID]
    ) -> None:
        battle = begin(client, size=3, prompt="  Three, please  ")
        assert battle.placements.count() == 3
        assert [turn.prompt for turn in battle.turns.all()] == ["Three, please"]
        assert started == [battle.pk]

    @pytest.mark.parametrize(
        ("prompt", "reason"),
        [("", "empty"), (" \n\t ", "empty"), ("\x00\x07", "empty"), ("x" * 20_000, "20,000")],
        ids=["empty", "blank", "control-characters", "long"],
    )
    def test_a_prompt_that_does_not_fit_is_refused_with_the_reason(
        self, client: Client, prompt: str, reason: str
    ) -> None:
        answer = client.post(reverse("home"), {"prompt": prompt, "size": 2})
        assert answer.status_code == 422
        assert reason in page(answer)
        assert not Battle.objects.exists()

    def test_a_refused_prompt_stays_in_the_box_with_the_chosen_size(self, client: Client) -> None:
        typed = "<b>mine & only</b> " + "x" * 17_000
        answer = client.post(reverse("home"), {"prompt": typed, "size": 3})
        assert typed in page(answer)
        assert "<b>mine" not in answer.content.decode()
        assert re.search(r'value="3" checked', answer.content.decode())

    def test_two_first_battles_of_a_browser_at_once_are_one_raters(self) -> None:
        token = Client().get(reverse("home")).cookies["csrftoken"].value
        tabs = [Client(), Client()]
        for tab in tabs:  # neither has heard of the other's session yet
            tab.cookies["csrftoken"] = token
        battles = [begin(tab) for tab in tabs]
        for tab in tabs:
            for battle in battles:
                assert tab.get(battle.get_absolute_url()).status_code == 200

    def test_no_browser_keeps_the_page_of_a_battle(self, client: Client) -> None:
        """Back would show it as it was: before its vote, or when that could be taken back."""
        answer = client.get(begin(client).get_absolute_url())
        assert "no-store" in answer["Cache-Control"]

    def test_line_ends_count_once(self, client: Client) -> None:
        battle = begin(client, prompt="a\r\n" * 6_000 + "b")
        assert battle.turns.get().prompt.count("\n") == 6_000

    def test_a_megabyte_is_refused_not_broken(self, client: Client) -> None:
        answer = client.post(reverse("home"), {"prompt": "é" * 1_000_000, "size": 2})
        assert answer.status_code == 422

    def test_another_size_is_refused(self, client: Client) -> None:
        answer = client.post(reverse("home"), {"prompt": "hello", "size": 7})
        assert answer.status_code == 422
        assert "two or three" in page(answer)

    def test_without_contenders_it_says_what_an_operator_does(self, client: Client) -> None:
        Contender.objects.update(active=False)
        answer = client.get(reverse("home"))
        assert answer.status_code == 200
        assert "No battle is possible yet" in page(answer)
        assert "<textarea" not in page(answer)

    def test_it_suggests_prompts_of_a_category(self, client: Client) -> None:
        Prompt.objects.create(slug="sums", category="maths", text="What is 2 + 2?")
        Prompt.objects.create(slug="rhyme", category="writing", text="Rhyme on moon.")
        answer = client.get(reverse("home"), {"category": "maths"})
        assert "What is 2 + 2?" in page(answer)
        assert "Rhyme on moon." not in page(answer)

    def test_categories_are_named_in_the_reader_s_language(self, client: Client) -> None:
        for category in ("coding", "everyday", "puns"):
            Prompt.objects.create(slug=category, category=category, text="Why?")
        raw = client.get(reverse("home"), headers={"Accept-Language": "de"}).content.decode()
        chips = raw.split('class="chips"')[1].split("</ul>")[0]
        assert re.findall(r">([^<>]+)</a>", chips) == ["Alle", "Alltag", "Programmieren", "Puns"]
        cards = raw.split("suggestions__list")[1]
        assert sorted(re.findall(r'suggestion__category">([^<]+)<', cards)) == [
            "Alltag",
            "Programmieren",
            "Puns",
        ]

    def test_a_suggestion_fills_the_box_without_javascript(self, client: Client) -> None:
        Prompt.objects.create(slug="sums", category="maths", text="What is <2> + 2?")
        answer = client.get(reverse("home"), {"suggestion": "sums"})
        box = page(answer).split("<textarea")[1].split("</textarea>")[0]
        assert "What is <2> + 2?" in box

    def test_other_suggestions_come_as_a_fragment(self, client: Client) -> None:
        Prompt.objects.create(slug="sums", category="maths", text="What is 2 + 2?")
        answer = client.get(reverse("home"), headers={**HTMX, "HX-Target": "suggestions"})
        assert page(answer).startswith("<section")
        assert "HX-Target" in answer["Vary"]


class TestBattle:
    def test_it_shows_the_prompt_and_the_texts_as_safe_html(self, client: Client) -> None:
        battle = begin(client, prompt="<i>hello</i>")
        finish(battle, ["**bold** <script>alert(1)</script>", "plain"])
        raw = client.get(battle.get_absolute_url()).content.decode()
        assert "<strong>bold</strong>" in raw
        assert "<script>alert" not in raw
        assert "&lt;i&gt;hello&lt;/i&gt;" in raw

    @pytest.mark.parametrize("size", [2, 3])
    def test_before_the_vote_nothing_on_it_names_a_contender(
        self, client: Client, size: int
    ) -> None:
        battle = begin(client, size=size)
        finish(battle)
        raw = client.get(battle.get_absolute_url()).content.decode().lower()
        for contender in Contender.objects.all():
            assert contender.name.lower() not in raw
            assert contender.slug not in raw

    def test_someone_elses_battle_is_not_there(self, client: Client) -> None:
        battle = begin(client)
        stranger = Client().get(battle.get_absolute_url())
        nobody = Client().get(reverse("battle", args=[uuid4()]))
        assert stranger.status_code == nobody.status_code == 404
        own = r'name="csrfmiddlewaretoken" value="\w+"|next=/battles/[^"]+'
        assert re.sub(own, "", page(stranger)) == re.sub(own, "", page(nobody))

    def test_who_signed_out_is_told_so_and_comes_back_by_signing_in(self, client: Client) -> None:
        user = User.objects.create_user("ada", password="engine-1843")
        client.force_login(user)
        battle = begin(client, prompt="Why is the sea salty?")
        client.post(reverse("logout"))
        told = page(client.get(battle.get_absolute_url()))
        assert "account that you signed out of" in told
        assert 'href="/?focus=1"' in told
        (way,) = re.findall(r'href="(/login/[^"]+)">Sign in again', told)
        signed_in = client.post(
            way, {"username": "ada", "password": "engine-1843", "next": battle.get_absolute_url()}
        )
        assert way.endswith(f"?next={signed_in['Location']}")
        assert "Why is the sea salty?" in page(client.get(signed_in["Location"]))

    def test_who_is_signed_in_is_told_as_whom(self, client: Client) -> None:
        battle = begin(client)
        other = Client()
        other.force_login(User.objects.create_user("grace"))
        told = page(other.get(battle.get_absolute_url()))
        assert "You are signed in as grace." in told
        assert "Sign in again" not in told

    @pytest.mark.parametrize("address", ["vote", "add_turn", "stop"])
    def test_nobody_else_can_act_on_it(self, client: Client, address: str) -> None:
        battle = begin(client)
        finish(battle)
        data = {"verdict": "a", "prompt": "more"}
        assert Client().post(reverse(address, args=[battle.pk]), data).status_code == 404
        assert not Vote.objects.exists()
        assert battle.turns.count() == 1

    def test_voting_waits_for_the_responses(self, client: Client) -> None:
        battle = begin(client)
        shown = page(client.get(battle.get_absolute_url()))
        assert "Opens when the responses are finished." in shown
        assert re.search(r"<fieldset[^>]* disabled>", shown)
        finish(battle)
        assert not re.search(
            r"<fieldset[^>]* disabled>", page(client.get(battle.get_absolute_url()))
        )

    def test_without_javascript_a_running_page_reloads_itself(self, client: Client) -> None:
        battle = begin(client)
        assert 'http-equiv="refresh"' in page(client.get(battle.get_absolute_url()))
        finish(battle)
        assert 'http-equiv="refresh"' not in page(client.get(battle.get_absolute_url()))

    def test_a_failed_response_says_so_and_can_be_retried(
        self, client: Client, started: list[UUID]
    ) -> None:
        battle = begin(client)
        finish(battle, ["fine", ""])
        assert "No answer came." in page(client.get(battle.get_absolute_url()))
        answer = client.post(reverse("retry", args=[battle.pk, 1, "B"]))
        assert answer.status_code == 303
        assert started == [battle.pk, battle.pk]
        current = Response.objects.filter(turn__battle=battle, superseded=False)
        assert {response.state for response in current} == {"done", "pending"}

    def test_all_that_failed_or_was_stopped_is_retried_at_once(
        self, client: Client, started: list[UUID]
    ) -> None:
        battle = begin(client, size=3)
        finish(battle, ["stopped here", "", ""])
        stopped, failed, running = Response.objects.filter(turn__battle=battle)
        Response.objects.filter(pk=stopped.pk).update(state="stopped")
        Response.objects.filter(pk=running.pk).update(state="streaming")
        for _ in ("once", "twice"):
            assert client.post(reverse("retry_failed", args=[battle.pk, 1])).status_code == 303
        superseded = Response.objects.filter(turn__battle=battle, superseded=True)
        assert set(superseded) == {stopped, failed}
        current = Response.objects.filter(turn__battle=battle, superseded=False)
        assert [response.state for response in current] == ["pending", "pending", "streaming"]
        assert set(started) == {battle.pk}
        assert client.post(reverse("retry_failed", args=[battle.pk, 2])).status_code == 404
        assert Client().post(reverse("retry_failed", args=[battle.pk, 1])).status_code == 404

    def test_a_follow_up_goes_to_all(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        answer = client.post(reverse("add_turn", args=[battle.pk]), {"prompt": "And at night?"})
        assert answer.status_code == 303
        assert [turn.prompt for turn in battle.turns.all()] == [
            "Why is the sky blue?",
            "And at night?",
        ]

    def test_a_refused_follow_up_stays_in_the_box(self, client: Client) -> None:
        battle = begin(client)
        answer = client.post(reverse("add_turn", args=[battle.pk]), {"prompt": "Too early"})
        assert answer.status_code == 409
        assert "still being written" in page(answer)
        assert "Too early" in page(answer).split('id="followup"')[1]

    def test_it_can_be_stopped(self, client: Client, started: list[UUID]) -> None:
        battle = begin(client)
        assert client.post(reverse("stop", args=[battle.pk])).status_code == 303
        assert started == [battle.pk, battle.pk]


class TestVote:
    def cast(self, client: Client, battle: Battle, **data: Any) -> HttpResponse:
        return client.post(reverse("vote", args=[battle.pk]), data)

    @pytest.mark.parametrize(
        ("verdict", "expected", "words"),
        [
            ("a", [1, 2], "You found A better"),
            ("b", [2, 1], "You found B better"),
            ("tie", [1, 1], "You called it a tie"),
            ("bad", [1, 1], "Both were bad"),
        ],
    )
    def test_two_are_judged_with_one_click_and_revealed(
        self, client: Client, verdict: str, expected: list[int], words: str
    ) -> None:
        battle = begin(client)
        finish(battle)
        answer = self.cast(client, battle, verdict=verdict, comment="Short and right.")
        assert answer.status_code == 303
        assert ranks(battle) == expected
        vote = Vote.objects.get(battle=battle)
        assert vote.all_bad == (verdict == "bad")
        assert vote.comment == "Short and right."
        shown = page(client.get(battle.get_absolute_url()))
        assert words in shown
        for placement in Placement.objects.filter(battle=battle):
            assert placement.contender.name in shown

    @pytest.mark.parametrize(
        ("places", "expected", "words"),
        [
            ((1, 2, 3), [1, 2, 3], "You ranked A > B > C"),
            ((2, 1, 2), [2, 1, 2], "You ranked B > A = C"),
            ((3, 3, 1), [2, 2, 1], "You ranked C > A = B"),
            ((1, 3, 1), [1, 3, 1], "You ranked A = C > B"),
            ((2, 2, 2), [1, 1, 1], "You called it a tie"),
        ],
    )
    def test_three_are_ranked_with_ties(
        self, client: Client, places: tuple[int, int, int], expected: list[int], words: str
    ) -> None:
        battle = begin(client, size=3)
        finish(battle)
        given = {f"rank_{letter}": place for letter, place in zip("ABC", places, strict=True)}
        answer = self.cast(client, battle, verdict="ranking", **given)
        assert answer.status_code == 303, page(answer)
        assert ranks(battle) == expected
        assert words in page(client.get(battle.get_absolute_url()))

    def test_all_three_can_be_bad(self, client: Client) -> None:
        battle = begin(client, size=3)
        finish(battle)
        self.cast(client, battle, verdict="bad")
        assert Vote.objects.get(battle=battle).all_bad
        assert "All were bad" in page(client.get(battle.get_absolute_url()))

    @pytest.mark.parametrize(
        ("size", "data"),
        [
            (2, {}),
            (2, {"verdict": "best"}),
            (2, {"verdict": "ranking"}),
            (2, {"verdict": "a", "comment": "x" * 3_000}),
            (3, {"verdict": "a"}),
            (3, {"verdict": "ranking", "rank_A": 1, "rank_B": 2}),
            (3, {"verdict": "ranking", "rank_A": 1, "rank_B": 2, "rank_C": 4}),
            (3, {"verdict": "ranking", "rank_A": "x", "rank_B": 2, "rank_C": 1}),
        ],
    )
    def test_a_wrong_ballot_is_refused(
        self, client: Client, size: int, data: dict[str, Any]
    ) -> None:
        battle = begin(client, size=size)
        finish(battle)
        answer = self.cast(client, battle, **data)
        assert answer.status_code == 422
        assert "notice--bad" in page(answer)
        assert not Vote.objects.exists()

    def test_a_second_vote_shows_the_first_ones_reveal(self, client: Client) -> None:
        battle = begin(client)
        finish(battle)
        self.cast(client, battle, verdict="a")
        answer = client.post(
            reverse("vote", args=[battle.pk]), {"verdict": "b"}, follow=True, headers=HTMX
        )
        assert answer.status_code == 200
        assert "You found A better" in page(answer)
        assert Vote.objects.count() == 1

    @pytest.mark.parametrize(
        ("second", "taken"),
        [
            ({}, True),
            ({"rank_C": 1}, True),  # it failed, so it has no place
            ({"rank_B": 1}, False),
            ({"verdict": "bad"}, False),
            ({"comment": "Another one."}, False),
            ({"reasons": ["clear"]}, False),
        ],
        ids=["double-click", "place-of-a-failure", "place", "all-bad", "comment", "reason"],
    )
    def test_who_votes_differently_again_is_told_that_it_was_not_taken(
        self, client: Client, second: dict[str, Any], taken: bool
    ) -> None:
        battle = begin(client, size=3)
        finish(battle, ["one", "two", ""])
        first = {"verdict": "ranking", "rank_A": 1, "rank_B": 2, "rank_C": 3, "comment": " Short."}
        self.cast(client, battle, **first)
        again = self.cast(client, battle, **{**first, **second})
        answer = client.get(again["Location"])
        assert "You found A better" in page(answer)
        assert ("was not taken" in page(answer)) is not taken
        assert ("Your vote is counted." in page(answer)) is taken
        assert ("Your earlier vote is counted." in page(answer)) is not taken
        assert "was not taken" not in page(client.get(battle.get_absolute_url()))

    def test_a_vote_before_the_end_is_refused(self, client: Client) -> None:
        battle = begin(client)
        answer = self.cast(client, battle, verdict="a")
        assert answer.status_code == 409
        assert "still being written" in page(answer)

    def test_two_of_three_answers_are_enough(self, client: Client) -> None:
        battle = begin(client, size=3)
        finish(battle, ["one", "", "three"])
        assert not re.search(
            r"<fieldset[^>]* disabled>", page(client.get(battle.get_absolute_url()))
        )
        answer = self.cast(client, battle, verdict="ranking", rank_A=1, rank_B=3, rank_C=2)
        assert answer.status_code == 303


class TestThumbs:
    def thumb(self, client: Client, battle: Battle, value: Any) -> HttpResponse:
        address = reverse("react", args=[battle.pk, 1, "A"])
        return client.post(address, {"value": value}, headers=HTMX)

    def test_a_thumb_is_set_changed_and_taken_back(self, client: Client) -> None:
        battle = begin(client)
        up = page(self.thumb(client, battle, 1))
        assert up.count('aria-pressed="true"') == 1
        assert Reaction.objects.get().value == 1
        self.thumb(client, battle, -1)
        assert Reaction.objects.get().value == -1
        gone = page(self.thumb(client, battle, 0))
        assert 'aria-pressed="true"' not in gone
        assert not Reaction.objects.exists()

    def test_it_works_without_htmx(self, client: Client) -> None:
        battle = begin(client)
        answer = client.post(reverse("react", args=[battle.pk, 1, "B"]), {"value": 1})
        assert answer.status_code == 303
        assert answer["Location"] == battle.get_absolute_url()

    @pytest.mark.parametrize("value", ["2", "", "up"])
    def test_another_value_is_refused(self, client: Client, value: str) -> None:
        assert self.thumb(client, begin(client), value).status_code == 422

    def test_a_response_that_is_not_there_is_refused(self, client: Client) -> None:
        battle = begin(client)
        answer = client.post(reverse("react", args=[battle.pk, 4, "C"]), {"value": 1}, headers=HTMX)
        assert answer.status_code == 404


class TestMyBattles:
    def test_it_lists_the_raters_own(self, client: Client) -> None:
        mine = begin(client, prompt="Mine alone")
        begin(Client(), prompt="Not mine")
        finish(mine)
        client.post(reverse("vote", args=[mine.pk]), {"verdict": "b"})
        begin(client, prompt="Unfinished")
        shown = page(client.get(reverse("battles")))
        assert "Mine alone" in shown
        assert "You found B better" in shown
        assert "not voted yet" in shown
        assert "Not mine" not in shown

    def test_it_is_empty_for_a_newcomer(self, client: Client) -> None:
        assert "No battles yet" in page(client.get(reverse("battles")))


class TestAccounts:
    def test_signing_up_takes_the_battles_along(self, client: Client) -> None:
        battle = begin(client)
        words = {"username": "ada", "password1": "engine-1843", "password2": "engine-1843"}
        answer = client.post(reverse("signup"), words)
        assert answer.status_code == 302
        user = User.objects.get(username="ada")
        battle.refresh_from_db()
        assert battle.rater.user == user
        assert client.get(battle.get_absolute_url()).status_code == 200

    def test_signing_in_keeps_the_battles_of_this_browser(self, client: Client) -> None:
        User.objects.create_user("ada", password="engine-1843")
        battle = begin(client)
        client.post(reverse("login"), {"username": "ada", "password": "engine-1843"})
        assert client.get(battle.get_absolute_url()).status_code == 200
        client.post(reverse("logout"))
        assert client.get(battle.get_absolute_url()).status_code == 404
        client.post(reverse("login"), {"username": "ada", "password": "engine-1843"})
        assert client.get(battle.get_absolute_url()).status_code == 200

    @pytest.mark.parametrize("name", ["login", "signup"])
    def test_they_lead_back_to_where_one_came_from(self, client: Client, name: str) -> None:
        User.objects.create_user("ada", password="engine-1843")
        came_from = f"?next={reverse('battles')}"
        assert f'href="{reverse("login")}{came_from}"' in page(client.get(reverse("battles")))
        asked = page(client.get(reverse(name) + came_from))
        assert 'name="next" value="/battles/"' in asked
        other = {"login": "signup", "signup": "login"}[name]
        assert f'href="{reverse(other)}{came_from}"' in asked
        words = {
            "login": {"username": "ada", "password": "engine-1843"},
            "signup": {"username": "eve", "password1": "engine-1843", "password2": "engine-1843"},
        }[name]
        away = Client().post(reverse(name), words | {"next": "https://elsewhere.example/"})
        if name == "signup":
            User.objects.get(username="eve").delete()
        back = client.post(reverse(name), words | {"next": "/battles/"})
        assert (away["Location"], back["Location"]) == ("/", "/battles/")

    def test_a_wrong_password_says_so(self, client: Client) -> None:
        answer = client.post(reverse("login"), {"username": "ada", "password": "no"})
        assert "name or the password is wrong" in page(answer)

    def test_a_weak_password_says_why(self, client: Client) -> None:
        words = {"username": "ada", "password1": "123", "password2": "123"}
        assert "too short" in page(client.post(reverse("signup"), words))
        assert not User.objects.exists()


class TestFrame:
    @pytest.mark.parametrize("address", ["/", "/battles/", "/login/", "/signup/", "/components/"])
    def test_no_page_has_inline_script_or_style(self, client: Client, address: str) -> None:
        answer = client.get(address)
        raw = answer.content.decode()
        assert answer.status_code == 200
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", raw)

    def test_an_unknown_page_says_so_in_the_design(self, client: Client) -> None:
        answer = client.get("/nowhere/")
        assert answer.status_code == 404
        assert "There is no page at this address." in page(answer)
        assert "site-header" in page(answer)

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("/nowhere/", ["/", "/battles/"]),
            (
                f"/battles/{UUID(int=0)}/",
                [f"/login/?next=/battles/{UUID(int=0)}/", "/?focus=1", "/battles/"],
            ),
        ],
    )
    def test_what_is_not_there_leads_on(
        self, client: Client, address: str, expected: list[str]
    ) -> None:
        answer = client.get(address)
        assert answer.status_code == 404
        ways = page(answer).split("<main", 1)[1].split("</main>")[0]
        assert re.findall(r'href="([^"]+)"', ways) == expected

    def test_a_stale_form_says_what_to_do(self) -> None:
        answer = Client(enforce_csrf_checks=True).post(reverse("home"), {"prompt": "hi"})
        assert answer.status_code == 403
        assert "reload the page" in page(answer)

    def test_an_unexpected_error_shows_a_page_without_a_trace(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fall_over(*_: object, **__: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(services, "ask_first", fall_over)
        client.raise_request_exception = False
        answer = client.post(reverse("home"), {"prompt": "hi", "size": 2})
        assert answer.status_code == 500
        assert "Something broke here" in page(answer)
        assert "secret detail" not in page(answer)

    def test_staff_see_the_ways_to_the_lab_and_admin(
        self, client: Client, operator_client: Client
    ) -> None:
        assert "/admin/" not in page(client.get("/battles/"))
        assert "/admin/" in page(operator_client.get("/battles/"))

    def test_healthz_says_ok(self, client: Client) -> None:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.content) == (200, b"ok\n")
