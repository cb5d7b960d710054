"""What may speak against a vote is kept with it."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from arena import services, validity
from arena.models import Battle, Contender, Rater, Response, Vote
from arena.selectors import position_biases


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [("", 0), ("one two, three!", 3), ("我是语言模型", 4), ("**bold** `code`", 2)],
    )
    def test_they_are_counted_in_any_script(self, text: str, words: int) -> None:
        assert validity.count_words(text) == words

    def test_a_thousand_words_take_a_minute(self) -> None:
        assert validity.faster_than_reading(1_000, 59.9) is True
        assert validity.faster_than_reading(1_000, 60.0) is False
        assert validity.faster_than_reading(1_000, None) is None
        assert validity.faster_than_reading(0, 0.0) is False


class TestPrompts:
    @pytest.mark.parametrize("other", ["why is the sky blue", "Why  is\nthe SKY blue?!"])
    def test_like_prompts_have_one_key(self, other: str) -> None:
        assert validity.prompt_key("Why is the sky blue?") == validity.prompt_key(other)

    @pytest.mark.parametrize("other", ["Why is the sky so blue?", "", "!", "?"])
    def test_others_have_another(self, other: str) -> None:
        assert validity.prompt_key("Why is the sky blue?") != validity.prompt_key(other)
        assert validity.prompt_key("!") != validity.prompt_key("?")


class TestPositions:
    def test_known_values(self) -> None:
        assert validity.position_test(5, 10) == 1.0
        assert validity.position_test(0, 10) == pytest.approx(2 / 1024)
        assert validity.position_test(8, 10) == pytest.approx(0.109375)
        assert validity.position_test(0, 0) == 1.0

    @given(st.integers(0, 300), st.integers(0, 300))
    def test_positions_can_be_swapped(self, first: int, second: int) -> None:
        total = first + second
        assert validity.position_test(first, total) == validity.position_test(second, total)
        assert 0.0 <= validity.position_test(first, total) <= 1.0

    def test_more_than_all_is_no_count(self) -> None:
        with pytest.raises(ValueError, match="no count"):
            validity.position_test(3, 2)


@pytest.fixture
def contenders(db: None) -> None:
    for name in ("one", "two"):
        Contender.objects.create(slug=name, name=name, backend="openai", model=name)


def battle(rater: Rater, prompt: str = "Why?", text: str = "word " * 10) -> Battle:
    begun = services.start_battle(rater=rater, prompt=prompt)
    finish(begun, text)
    return begun


def finish(battle: Battle, text: str) -> None:
    from arena.services.responses import Ending, finish_responses

    rows = Response.objects.filter(turn__battle=battle, state=Response.State.PENDING)
    finish_responses([Ending(row.pk, Response.State.DONE, text) for row in rows])


def vote_on(rater: Rater, prompt: str = "Why?", **more: Any) -> dict[str, Any]:
    vote = services.cast_vote(battle=battle(rater, prompt, **more), ranks=[1, 2])
    found: dict[str, Any] = Vote.objects.get(pk=vote.pk).features
    return found


@pytest.mark.usefixtures("contenders")
class TestFeatures:
    def test_like_prompts_before_are_counted(self) -> None:
        ann, bob = Rater.objects.create(), Rater.objects.create()
        assert vote_on(ann)["same_prompt_before"] == 0
        again = vote_on(ann, "why")
        assert (again["same_prompt_before"], again["same_prompt_by_others"]) == (1, 0)
        other = vote_on(bob, "WHY?")
        assert (other["same_prompt_before"], other["same_prompt_by_others"]) == (0, 2)
        assert vote_on(bob, "How?")["same_prompt_by_others"] == 0

    def test_a_vote_in_no_time_is_faster_than_reading(self) -> None:
        seen = vote_on(Rater.objects.create(), text="word " * 5_000)
        assert seen["words"] == 10_000
        assert seen["faster_than_reading"] is True
        assert seen["seconds_since_end"] >= 0.0

    def test_what_was_written_again_is_counted(self) -> None:
        begun = battle(Rater.objects.create())
        services.regenerate(battle=begun, turn=1)
        finish(begun, "again")
        services.regenerate(battle=begun, turn=1, position=0)
        finish(begun, "and again")
        services.cast_vote(battle=begun, ranks=[1, 2])
        assert Vote.objects.get().features["regenerated"] == 3

    def test_nothing_is_excluded_for_it(self) -> None:
        vote_on(Rater.objects.create(), text="word " * 5_000)
        assert Vote.objects.get().counted

    def test_votes_are_found_by_them(self, superuser_client: Any) -> None:
        ann = Rater.objects.create()
        vote_on(ann, text="word " * 5_000)
        vote_on(ann, text="word")
        assert Vote.objects.filter(Q(features__faster_than_reading=True)).count() >= 1
        page = superuser_client.get("/admin/arena/vote/?noticed=duplicate")
        assert page.status_code == 200
        assert page.content.decode().count("field-verdict") == 1


@pytest.mark.usefixtures("contenders")
class TestBias:
    def cast(self, rater: Rater, *ranks: list[int]) -> None:
        for given_ranks in ranks:
            services.cast_vote(battle=battle(rater), ranks=given_ranks)

    def test_ties_and_raters_with_few_votes_are_left_out(self) -> None:
        ann, bob = Rater.objects.create(), Rater.objects.create()
        self.cast(ann, [1, 2], [1, 2], [2, 1], [1, 1])
        self.cast(bob, [1, 2], [1, 1])
        (found,) = position_biases(least=3)
        assert (found.rater, found.votes, found.first) == (ann.pk, 3, 2)
        assert found.share == pytest.approx(2 / 3)
        assert found.p == 1.0

    def test_the_command_lists_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("position_bias")
        assert "No rater has 20 votes" in capsys.readouterr().out
        self.cast(Rater.objects.create(), *[[1, 2]] * 6)
        call_command("position_bias", least=5)
        assert "100%     0.0312     0.0312" in capsys.readouterr().out
