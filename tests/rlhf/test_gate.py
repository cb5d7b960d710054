"""The gate on the lab's pages: written rules, their limits, what operators decide and why."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from arena.errors import Invalid
from arena.models import Contender, Prompt
from rlhf import services
from rlhf.forms import UpdateForm
from rlhf.gate_wording import RULES, WHOM
from rlhf.models import Gate, Run
from rlhf.training.settings import gate_knobs

CHECKS = [
    {"rule": "win_rate", "figure": 0.69, "base": None, "least": 0.5, "most": None, "passed": True},
    {"rule": "nll", "figure": 2.9, "base": 2.4, "least": None, "most": 2.7, "passed": False},
    {"rule": "length", "figure": 50.0, "base": 60.0, "least": 18.0, "most": 120.0, "passed": True},
    {"rule": "entropy", "figure": None, "base": 1.8, "least": 0.7, "most": None, "passed": False},
]


def judged(passed: bool, **more: Any) -> dict[str, Any]:
    reasons = [] if passed else ["It repeats itself."]
    return {"metrics": {"gate": {"passed": passed, "reasons": reasons, "checks": CHECKS, **more}}}


@pytest.fixture
def updated(
    stage: Callable[..., None], base: Contender, reward_model: Run, library: list[Prompt]
) -> Callable[..., Run]:
    """`updated(passed=False)`: a best-of-n run that ended so."""

    def run_it(*, passed: bool, **more: Any) -> Run:
        stage("succeed", judged(passed, **more))
        run = services.create_run(stage="best-of-n")
        services.follow_run(run.pk)
        run.refresh_from_db()
        return run

    return run_it


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def limits_of(run: Run) -> dict[str, Any]:
    """What its training process is told."""
    config = json.loads((run.folder / "config.json").read_text())
    return {name: value for name, value in config.items() if name.startswith("gate_")}


def form_of(**more: Any) -> dict[str, Any]:
    """The page's form with its defaults, as a browser sends it."""
    return {name: str(knob.default) for name, knob in gate_knobs().items()} | {"note": "So."} | more


# --- the verdict on a run's page ----------------------------------------------------------


def test_each_rule_stands_with_its_figure_its_limit_and_its_verdict(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    page = text_of(operator_client, updated(passed=False).get_absolute_url())
    assert "in at least 50 % of the prompts. kept – 0.69 at least 0.5" in page
    assert "at most 0.3 nats per token less likely under the base than the base" in page
    assert "broken 2.4 2.9 at most 2.7" in page
    assert "kept 60 50 18 to 120" in page
    assert "broken 1.8 – at least 0.7" in page
    assert "Judged by the default limits" in page


def test_the_words_state_the_limits_that_the_run_was_judged_by(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    run = updated(passed=False, limits={"nll_rise": 0.1})
    assert "at most 0.1 nats per token" in text_of(operator_client, run.get_absolute_url())


def test_a_run_that_was_judged_before_there_were_rules_shows_its_reasons(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    run = updated(passed=False)
    del run.summary["metrics"]["gate"]["checks"]
    run.save()
    page = text_of(operator_client, run.get_absolute_url())
    assert "It repeats itself." in page
    assert "Allowed" not in page


# --- what operators decide ----------------------------------------------------------------


def test_entering_against_the_gate_needs_a_reason_that_is_shown_everywhere(
    operator_client: Client, operator: User, updated: Callable[..., Run], admin_client: Client
) -> None:
    run = updated(passed=False)
    address = f"{run.get_absolute_url()}enter/"
    refused = operator_client.post(address, {"decision": "enter", "reason": ""})
    assert refused.status_code == 422
    assert 'id="reason-error">Say why' in refused.content.decode()
    assert "Enter anyway" in refused.content.decode()
    run.refresh_from_db()
    assert run.contender is None
    operator_client.post(address, {"decision": "enter", "reason": "Raters shall see <it>."})
    run.refresh_from_db()
    assert run.contender is not None
    page = text_of(operator_client, run.get_absolute_url())
    assert "against the gate Entered by operator on" in page
    assert "Raters shall see &lt;it&gt;." in page
    lineage = text_of(operator_client, "/lab/lineage/")
    assert re.search(r"against the gate by operator on [^:]+: Raters shall see &lt;it&gt;", lineage)
    assert "Raters shall see" in text_of(admin_client, f"/admin/rlhf/run/{run.pk}/change/")
    told = operator_client.get(f"/api/v1/runs/{run.pk}").json()["decisions"]
    assert [(one["by"], one["against_gate"]) for one in told] == [("operator", True)]


def test_a_reason_that_is_too_long_is_refused(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    run = updated(passed=False)
    address = f"{run.get_absolute_url()}enter/"
    refused = operator_client.post(address, {"decision": "enter", "reason": "x" * 501})
    assert refused.status_code == 422
    assert "Say in at most 500 characters why." in refused.content.decode()
    run.refresh_from_db()
    assert run.contender is None


def test_what_the_gate_refused_can_be_confirmed_to_stay_out(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    run = updated(passed=False)
    operator_client.post(f"{run.get_absolute_url()}enter/", {"decision": "keep-out"})
    page = text_of(operator_client, run.get_absolute_url())
    assert "Kept out by operator on" in page
    assert "Enter anyway" in page  # one may think again
    assert "Confirm: keep it out" not in page  # but not confirm it twice


def test_nothing_is_decided_without_a_choice(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    run = updated(passed=False)
    answer = operator_client.post(f"{run.get_absolute_url()}enter/", {"reason": "So."})
    assert answer.status_code == 422
    assert not run.decisions.exists()


def test_results_that_pass_wait_for_an_operator_where_the_gate_says_so(
    operator_client: Client, operator: User, updated: Callable[..., Run]
) -> None:
    entered = updated(passed=True)
    assert entered.contender is not None
    assert "It entered by itself." in text_of(operator_client, entered.get_absolute_url())
    services.set_gate(limits={}, waits=True, note="So.", by=operator)
    run = updated(passed=True)
    assert run.contender is None
    assert "Let it into battles" in text_of(operator_client, run.get_absolute_url())
    with pytest.raises(Invalid, match="Say why"):
        services.decide(run=run, by=operator, enter_it=False)
    services.decide(run=run, by=operator, enter_it=False, reason="It is rude.")
    page = text_of(operator_client, run.get_absolute_url())
    assert "Let it into battles" in page
    assert "Keep it out" not in page
    made = services.decide(run=run, by=operator, enter_it=True)
    assert not made.against_gate
    run.refresh_from_db()
    assert run.contender is not None


# --- the limits ---------------------------------------------------------------------------


def test_limits_hold_for_runs_that_are_created_from_then_on(
    operator_client: Client, updated: Callable[..., Run]
) -> None:
    before = services.create_run(stage="best-of-n")
    answer = operator_client.post(
        "/lab/gate/", form_of(gate_nll_rise="0.15", note="Stricter than last month.")
    )
    assert answer.status_code == 302
    gate = Gate.objects.get()
    assert (gate.limits, gate.waits) == ({"gate_nll_rise": 0.15}, False)
    run = updated(passed=True)
    assert limits_of(run) == {"gate_nll_rise": 0.15}
    services.follow_run(before.pk)
    assert limits_of(before) == {}
    page = text_of(operator_client, run.get_absolute_url())
    assert re.search("limits that operator set on .* before the run began", page)


def test_a_run_s_own_settings_win_and_are_named(
    operator_client: Client, operator: User, updated: Callable[..., Run]
) -> None:
    services.set_gate(limits={"gate_nll_rise": 0.15}, waits=True, note="So.", by=operator)
    own = {"gate_nll_rise": 0.2, "enter": "gate"}
    run = services.create_run(stage="best-of-n", settings=own)
    assert run.config == own
    services.follow_run(run.pk)
    page = text_of(operator_client, run.get_absolute_url())
    assert "Set for this run alone: gate_nll_rise." in page
    other = text_of(operator_client, updated(passed=True).get_absolute_url())
    assert "Set for this run alone" not in other


def test_the_form_of_updates_starts_with_what_the_gate_says(
    operator_client: Client, operator: User, base: Contender, reward_model: Run, library: Any
) -> None:
    services.set_gate(limits={}, waits=True, note="So.", by=operator)
    page = operator_client.get("/lab/").content.decode()
    assert '<option value="operator" selected>' in page
    form = UpdateForm(
        {"stage": "best-of-n", "base": base.pk, "reward_run": reward_model.pk,
         "preset": "standard", "enter": "gate"}
    )  # fmt: skip
    assert form.is_valid(), form.errors
    assert form.arguments()["settings"] == {"enter": "gate"}


def test_the_page_writes_the_rules_out_with_the_limits_and_who_set_them(
    operator_client: Client,
) -> None:
    page = text_of(operator_client, "/lab/gate/")
    assert "above the base&#x27;s on the same prompts by at least 1.64 standard errors" in page
    assert "Who changed them" not in page
    operator_client.post("/lab/gate/", form_of(gate_win_rate="0.6", note="After <the> audit."))
    page = text_of(operator_client, "/lab/gate/")
    assert "prefers it to its base in at least 60 % of the prompts" in page
    assert "repeated 4-word runs rises by at most 5 percentage points" in page
    assert re.search("operator ?: After &lt;the&gt; audit. Wins over the base 0.6", page)
    assert 'name="gate_win_rate" value="0.6"' in operator_client.get("/lab/gate/").content.decode()


def test_a_limit_that_counts_is_a_whole_number(operator_client: Client) -> None:
    assert operator_client.post("/lab/gate/", form_of(gate_prompts="7.5")).status_code == 422
    operator_client.post("/lab/gate/", form_of(gate_prompts="40"))
    assert Gate.objects.get().limits == {"gate_prompts": 40}
    assert "judged on at least 40 held-out prompts" in text_of(operator_client, "/lab/gate/")


def test_the_page_says_for_whom_each_rule_holds(operator_client: Client) -> None:
    page = text_of(operator_client, "/lab/gate/")
    every, rewarded = page.index("Every result"), page.index("Where there is a reward model")
    pretrained = page.index("After continued pretraining")
    assert every < page.index("Surprise", every) < rewarded
    assert rewarded < page.index("Wins", rewarded) < pretrained < page.index("Held-out text")
    listed = [rule for _, rules in WHOM for rule in rules]
    assert sorted(listed) == sorted(RULES)


@pytest.mark.parametrize("typed", ["0,72", "0.72", " 0,72 "])
def test_a_limit_may_have_a_decimal_comma(operator_client: Client, typed: str) -> None:
    answer = operator_client.post("/lab/gate/", form_of(gate_win_rate=typed))
    assert answer.status_code == 302
    assert Gate.objects.get().limits == {"gate_win_rate": 0.72}


def test_a_comma_that_may_part_thousands_is_asked_about(operator_client: Client) -> None:
    answer = operator_client.post("/lab/gate/", form_of(gate_length_high="1,500"))
    assert answer.status_code == 422
    assert "1,500 can mean 1500 or 1.5" in answer.content.decode()


@pytest.mark.parametrize("reason", ["", "  "])
def test_limits_are_not_changed_without_a_reason(operator_client: Client, reason: str) -> None:
    answer = operator_client.post("/lab/gate/", form_of(gate_win_rate="0.72", note=reason))
    assert answer.status_code == 422
    assert "Say why: a change of the limits is kept with its reason." in answer.content.decode()
    with pytest.raises(Invalid, match="Say why"):
        services.set_gate(limits={"gate_win_rate": 0.72}, waits=False, note=reason, by=None)
    assert not Gate.objects.exists()


def test_limits_are_written_as_the_language_does(operator_client: Client) -> None:
    operator_client.cookies["language"] = "de"
    page = text_of(operator_client, "/lab/gate/")
    assert "höchstens 0,3 Nats" in page
    assert "Standard: 1,64." in page
    assert "Standard: 1.64." not in page
    form = operator_client.get("/lab/gate/").content.decode()
    assert 'name="gate_reward_errors" value="1,64"' in form


@pytest.mark.parametrize("wrong", ["1.5", "", "nan", "half"])
def test_a_wrong_limit_is_refused_and_loses_nothing(operator_client: Client, wrong: str) -> None:
    answer = operator_client.post("/lab/gate/", form_of(gate_win_rate=wrong, note="Keep me."))
    assert answer.status_code == 422
    assert "Keep me." in answer.content.decode()
    assert not Gate.objects.exists()


def test_all_that_is_wrong_with_the_limits_is_told_at_once_and_in_own_words(
    operator_client: Client,
) -> None:
    wrong = form_of(
        gate_prompts="0",
        gate_nll_rise="-1",
        gate_win_rate="half",
        gate_reward_errors="11",
        gate_entropy_low=str(2**40),
        gate_length_low="3",
        gate_length_high="1",
        note="x" * 501,
    )
    answer = operator_client.post("/lab/gate/", wrong)
    assert answer.status_code == 422
    assert {name: said for name, (said,) in answer.context["form"].errors.items()} == {
        "gate_prompts": "Write a whole number, 1 or more.",
        "gate_nll_rise": "Write a number, 0 or more.",
        "gate_win_rate": "Write a number from 0 to 1.",
        "gate_reward_errors": "Write a number from 0 to 10.",
        "gate_entropy_low": "Write a smaller number, at most 2,147,483,647.",
        "gate_length_high": "The gate's greatest length (1) is below its least (3).",
        "note": "Say in at most 500 characters why.",
    }


@pytest.mark.django_db
def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(Invalid, match="no limit 'seed'"):
        services.set_gate(limits={"seed": 1}, waits=False, note="So.", by=None)


def test_only_staff_sees_and_sets_them(rater_client: Client) -> None:
    assert rater_client.get("/lab/gate/").status_code == 403
    assert rater_client.post("/lab/gate/", form_of()).status_code == 403
    assert not Gate.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_overrides_of_before_become_decisions() -> None:
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    old = [("rlhf", "0004_run_resuming")]
    executor.migrate(old)
    try:
        apps = executor.loader.project_state(old).apps
        user = User.objects.create_user("zoe")
        made = apps.get_model("rlhf", "Run").objects.create(
            stage="best-of-n", name="old", override_reason="zoe: I want: to see it"
        )
        MigrationExecutor(connection).migrate(newest)
        decision = Run.objects.get(pk=made.pk).decisions.get()
        assert (decision.decided_by, decision.reason) == (user, "I want: to see it")
        assert decision.entered
        assert decision.against_gate
    finally:
        MigrationExecutor(connection).migrate(newest)


@pytest.mark.django_db
def test_limits_that_nothing_can_keep_are_refused(operator_client: Client) -> None:
    answer = operator_client.post("/lab/gate/", form_of(gate_length_low="3", gate_length_high="1"))
    assert answer.status_code == 422
    assert "greatest length (1) is below its least (3)." in answer.content.decode()
    with pytest.raises(Invalid, match="is below its least"):
        services.set_gate(limits={"gate_length_high": 0.2}, waits=False, note="So.", by=None)
    assert not Gate.objects.exists()
