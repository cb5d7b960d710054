"""Did it help? A child of the lab is measured against its parent by a rule fixed before."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from arena.errors import Conflict, Invalid
from arena.models import Contender, Population, Vote
from arena.services import exclude_votes, register_contender
from rlhf import selectors, services
from rlhf.evidence import Counts, rating_gap, weigh
from rlhf.models import Dataset, Run, Trial
from rlhf.services.trials import open_trial
from rlhf.templatetags.lab import signed
from tests.ranking.ballots import answered_battle, contender
from tests.rlhf.conftest import PASSED, REFUSED

pytestmark = pytest.mark.django_db


@pytest.fixture
def trial() -> Trial:
    """A child on trial against its parent."""
    child = register_contender(
        name="Child", model="tiny", parent=contender("parent"), on_trial=True
    )
    return open_trial(child=child)


def duel(*ranks: int, lineup: tuple[str, ...] = ("child", "parent"), **battle: Any) -> Any:
    """A vote on the two, cast as raters do, the child's rank first."""
    from arena.services import cast_vote

    return cast_vote(battle=answered_battle(lineup, **battle), ranks=list(ranks))


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def state(trial: Trial) -> tuple[str, bool | None, bool, bool, bool]:
    """Verdict, kept; whether the child is drawn, is on trial, and whether the parent is drawn."""
    trial.refresh_from_db()
    child = Contender.objects.get(pk=trial.child_id)
    parent = Contender.objects.get(pk=trial.parent_id)
    return trial.verdict, trial.kept, child.active, child.on_trial, parent.active


def test_only_counted_votes_of_people_on_both_are_evidence(trial: Trial) -> None:
    duel(1, 2)
    duel(2, 1)
    duel(1, 1)
    duel(1, 3, 2, lineup=("child", "other", "parent"))
    duel(1, 2, lineup=("child", "other"))
    duel(1, 2, population=Population.SIMULATED)
    out = duel(1, 2)
    assert selectors.trial_counts(trial) == Counts(3, 1, 1)
    exclude_votes(votes=[out], because="a test")
    assert selectors.trial_counts(trial) == Counts(2, 1, 1)
    assert list(selectors.trial_outcomes(trial)) == [1.0, 0.0, 0.5, 1.0]


def test_a_child_that_wins_is_kept_and_its_trial_ends(trial: Trial) -> None:
    """2ʷ · B(w + ½, ½) / π reaches 20 with the seventh win in a row."""
    for _ in range(6):
        duel(1, 2)
    assert services.judge_trials() == []
    assert state(trial) == ("", None, True, True, True)
    duel(1, 2)
    assert services.judge_trials() == [trial]
    assert state(trial) == ("better", True, True, False, True)
    assert trial.verdict_votes == 7


def test_a_child_that_loses_is_retired_and_its_parent_drawn_again(trial: Trial) -> None:
    Contender.objects.filter(pk=trial.parent_id).update(active=False)
    for _ in range(12):
        duel(2, 1)
    services.judge_trials()
    assert state(trial) == ("worse", False, False, False, True)


@pytest.mark.parametrize(("otherwise", "kept"), [("retire", False), ("keep", True)])
def test_patience_ends(trial: Trial, otherwise: str, kept: bool) -> None:
    services.set_rule(
        trial=trial, population="people", level=0.95, patience=10, if_undecided=otherwise
    )
    for number in range(10):
        assert services.judge_trials() == []
        duel(1 + number % 2, 2 - number % 2)
    services.judge_trials()
    assert state(trial)[:3] == ("undecided", kept, kept)


def test_a_verdict_is_given_once(trial: Trial) -> None:
    for _ in range(9):
        duel(1, 2)
    services.judge_trials()
    for _ in range(40):
        duel(2, 1)
    assert services.judge_trials() == []
    assert state(trial)[:2] == ("better", True)


def test_the_rule_is_fixed_by_the_first_vote_of_anybody(trial: Trial) -> None:
    rule = {"population": "people", "level": 0.9, "patience": 50, "if_undecided": "keep"}
    services.set_rule(trial=trial, **rule)
    duel(1, 2, population=Population.SIMULATED)
    with pytest.raises(Conflict, match="votes on the two already"):
        services.set_rule(trial=trial, **{**rule, "patience": 60})


@pytest.mark.parametrize(
    "wrong", [{"level": 0.2}, {"patience": 3}, {"if_undecided": "perhaps"}, {"population": "all"}]
)
def test_a_rule_without_sense_is_refused(trial: Trial, wrong: dict[str, Any]) -> None:
    rule = {"population": "people", "level": 0.9, "patience": 50, "if_undecided": "keep"}
    with pytest.raises(Invalid):
        services.set_rule(trial=trial, **{**rule, **wrong})


def test_one_can_go_back_and_forth_with_a_reason(trial: Trial, operator: User) -> None:
    services.settle_trial(trial=trial, keep=False, by=operator, reason="It swears.")
    assert state(trial) == ("", False, False, False, True)
    assert trial.reason == "operator: It swears."
    with pytest.raises(Conflict, match="retired already"):
        services.settle_trial(trial=trial, keep=False, by=operator, reason="It swears.")
    with pytest.raises(Invalid, match="why"):
        services.settle_trial(trial=trial, keep=True, by=operator, reason=" ")
    services.settle_trial(trial=trial, keep=True, by=operator, reason="It stopped.")
    assert state(trial)[:3] == ("", True, True)
    assert services.judge_trials() == []


@pytest.mark.django_db(transaction=True)
def test_a_vote_on_the_two_has_them_judged_and_no_other(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlhf import tasks

    asked: list[bool] = []
    monkeypatch.setattr(tasks, "queue_judging", lambda: asked.append(True))
    duel(1, 2, lineup=("child", "other"))
    assert asked == []
    duel(1, 2)
    assert asked == [True]


@pytest.fixture
def updated(
    base: Contender, reward_model: Run, library: list[Any], stage: Callable[..., None]
) -> Callable[[dict[str, Any]], Run]:
    """An update of the base that has ended with this summary."""

    def end(summary: dict[str, Any]) -> Run:
        stage(summary=summary)
        run = services.create_run(stage="best-of-n", base=base.slug, reward_run=reward_model.pk)
        services.follow_run(run.pk, announce=services.announce_nothing)
        run.refresh_from_db()
        return run

    return end


def test_what_passes_its_gate_is_put_on_trial(
    base: Contender, updated: Callable[[dict[str, Any]], Run]
) -> None:
    updated(PASSED)
    child = Contender.objects.get(parent=base)
    found = Trial.objects.get()
    assert (found.child, found.parent, found.kept) == (child, base, None)
    assert child.on_trial


def test_the_page_of_its_run_says_whether_it_is_drawn(
    operator_client: Client, operator: User, updated: Callable[[dict[str, Any]], Run]
) -> None:
    run = updated(PASSED)
    drawn = "is in the arena and is drawn for battles."
    assert drawn in text_of(operator_client.get(run.get_absolute_url()))
    found = Trial.objects.get()
    services.settle_trial(trial=found, keep=False, by=operator, reason="It swears.")
    page = operator_client.get(run.get_absolute_url())
    assert "was retired and is drawn for battles no more. See its trial" in text_of(page)
    assert f'<a href="{found.get_absolute_url()}">See its trial</a>' in page.content.decode()
    assert drawn not in text_of(page)
    assert "Start one" not in text_of(page)


def test_what_is_entered_against_the_gate_is_on_trial_too(
    base: Contender, operator: User, updated: Callable[[dict[str, Any]], Run]
) -> None:
    run = updated(REFUSED)
    assert not Trial.objects.exists()
    services.decide(run=run, by=operator, enter_it=True, reason="To see.")
    assert Trial.objects.get().parent == base


# --- the pages ----------------------------------------------------------------------------


def test_the_list_says_when_there_is_nothing(operator_client: Client) -> None:
    assert "No trials yet" in text_of(operator_client.get("/lab/trials/"))


def test_the_page_before_the_first_vote(operator_client: Client, trial: Trial) -> None:
    text = text_of(operator_client.get(trial.get_absolute_url()))
    assert "No vote on the two yet" in text
    assert "Change it: only before the first vote" in text


def test_the_page_of_a_retired_child_starts_no_battle(
    operator_client: Client, trial: Trial, operator: User
) -> None:
    page = operator_client.get(trial.get_absolute_url())
    assert "The two meet in an extra share of the battles." in text_of(page)
    assert "Start a battle" in text_of(page)
    services.settle_trial(trial=trial, keep=False, by=operator, reason="It swears.")
    text = text_of(operator_client.get(trial.get_absolute_url()))
    assert "The two meet in an extra share of the battles no more." in text
    assert "Start a battle" not in text


def test_the_page_tells_what_the_votes_say(operator_client: Client, trial: Trial) -> None:
    for _ in range(4):
        duel(1, 2)
    duel(1, 1)
    duel(2, 1)
    text = text_of(operator_client.get(trial.get_absolute_url()))
    assert "Child wins 75 % of its duels with its parent" in text
    assert "4, 1, 1" in text
    assert "+191" in text
    assert "It was fixed before the first vote" in text
    listed = text_of(operator_client.get("/lab/trials/"))
    assert "Child against Parent" in listed
    assert "75 %" in listed


def test_a_page_with_only_wins_has_no_end_to_its_difference(
    operator_client: Client, trial: Trial
) -> None:
    duel(1, 2)
    text = text_of(operator_client.get(trial.get_absolute_url()))
    assert "∞" in text


def test_the_gain_for_a_thousand_votes_has_an_interval_or_is_not_told(
    operator_client: Client, trial: Trial
) -> None:
    learnt = Dataset.objects.create(format="ranking", votes=510, skipped=10)
    Run.objects.create(stage="sft", contender=trial.child, dataset=learnt)
    said = "Gain for a thousand votes"
    duel(1, 2)
    duel(2, 1)
    even = weigh(Counts(1, 0, 1))
    lower, upper = (2 * rating_gap(end) for end in (even.lower, even.upper))
    page = text_of(operator_client.get(trial.get_absolute_url()))
    assert f"{said} +0 points ({signed(lower)} to {signed(upper)})" in page
    exclude_votes(votes=[Vote.objects.latest("pk")], because="a test")
    assert said not in text_of(operator_client.get(trial.get_absolute_url()))


def test_the_rule_is_set_on_the_page(operator_client: Client, trial: Trial) -> None:
    url = f"{trial.get_absolute_url()}rule/"
    wrong = operator_client.post(url, {"population": "people", "level": "0.95", "patience": "3"})
    assert wrong.status_code == 422
    assert "Write a whole number from 10 to 1,000,000." in wrong.content.decode()
    right = {"population": "simulated", "level": "0.99", "patience": "50", "if_undecided": "keep"}
    assert operator_client.post(url, right).status_code == 302
    trial.refresh_from_db()
    assert (trial.population, trial.level, trial.patience) == ("simulated", 0.99, 50)


@pytest.mark.parametrize(
    ("population", "said"),
    [("people", "People's votes decide."), ("simulated", "Simulated raters' votes decide.")],
)
def test_the_page_says_whose_votes_decide(
    operator_client: Client, trial: Trial, population: str, said: str
) -> None:
    Trial.objects.update(population=population)
    page = text_of(operator_client.get(trial.get_absolute_url()))
    assert f"{said} Keep the child when the 95 % interval lies above one half" in page


def test_one_click_rolls_back(operator_client: Client, trial: Trial) -> None:
    url = f"{trial.get_absolute_url()}settle/"
    refused = operator_client.post(url, {"settle": "keep", "reason": " "})
    assert refused.status_code == 422
    assert "Say in at most 500 characters why." in text_of(refused)
    assert 'aria-describedby="reason-error"' in refused.content.decode()  # on the trial's page
    assert operator_client.post(url, {"settle": "sell", "reason": "x"}).status_code == 422
    answer = operator_client.post(url, {"settle": "retire", "reason": ""}, follow=True)
    assert "Child is drawn no more, and Parent is drawn again." in text_of(answer)
    assert "Retired by hand. operator" in text_of(answer)
    assert state(trial)[1:3] == (False, False)


def test_a_double_click_shows_the_trial_as_it_is(operator_client: Client, trial: Trial) -> None:
    url = f"{trial.get_absolute_url()}settle/"
    for sent in ({"settle": "retire", "reason": ""}, {"settle": "keep", "reason": "Better now"}):
        operator_client.post(url, sent, follow=True)
        again = operator_client.post(url, sent, follow=True)
        assert again.redirect_chain == [(trial.get_absolute_url(), 302)]
        assert "already" not in text_of(again)
        assert not list(again.context["messages"])


def test_what_others_did_before_leads_back_to_the_trial_and_is_said(
    operator_client: Client, trial: Trial, operator: User
) -> None:
    services.settle_trial(trial=trial, keep=False, by=operator, reason="It swears.")
    url = trial.get_absolute_url()
    answer = operator_client.post(f"{url}settle/", {"settle": "retire", "reason": ""}, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert "Child is retired already." in text_of(answer)
    assert "Retired by hand. operator: It swears." in text_of(answer)
    rule = {"population": "people", "level": "0.9", "patience": "50", "if_undecided": "keep"}
    answer = operator_client.post(f"{url}rule/", rule, follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert "so the rule stays as it is." in text_of(answer)


def test_why_one_rolls_back_is_kept(operator_client: Client, trial: Trial) -> None:
    url = f"{trial.get_absolute_url()}settle/"
    answer = operator_client.post(url, {"settle": "retire", "reason": "Rude"}, follow=True)
    assert "Retired by hand. operator: Rude" in text_of(answer)


def test_a_reason_has_a_limit_that_is_said_and_held(operator_client: Client, trial: Trial) -> None:
    page = operator_client.get(trial.get_absolute_url())
    assert 'name="reason" maxlength="500"' in page.content.decode()
    assert "At most 500 characters." in text_of(page)
    url = f"{trial.get_absolute_url()}settle/"
    long = operator_client.post(url, {"settle": "retire", "reason": "x" * 501})
    assert long.status_code == 422
    assert "Say in at most 500 characters why." in text_of(long)
    assert state(trial)[1] is None
    assert operator_client.post(url, {"settle": "retire", "reason": "x" * 500}).status_code == 302


@pytest.mark.parametrize(("method", "end"), [("get", ""), ("post", "rule/"), ("post", "settle/")])
def test_strangers_and_raters_stay_outside(
    rater_client: Client, trial: Trial, method: str, end: str
) -> None:
    url = trial.get_absolute_url() + end
    assert getattr(Client(), method)(url).status_code == 302
    assert getattr(rater_client, method)(url).status_code == 403
