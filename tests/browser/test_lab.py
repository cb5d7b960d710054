"""The lab in a browser: pages that keep up with the workers by themselves."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from arena.models import Contender, Prompt
from arena.services import register_contender
from rlhf import services
from rlhf.models import Dataset, Job, Metric, Run
from rlhf.services.trials import open_trial
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor, elsewhere
from tests.browser.test_accessibility import found
from tests.ranking.ballots import contender
from tests.rlhf.test_gate import CHECKS
from tests.rlhf.training.conftest import tiny_model  # noqa: F401 - a fixture
from tests.rlhf.votes import many_votes

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> Iterator[None]:
    with override_settings(RUNS_DIR=tmp_path / "runs", DATASETS_DIR=tmp_path / "datasets"):
        yield


@pytest.fixture
def staff(arena: LiveArena, newcomer: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """Makes browsers in which a member of staff is signed in."""

    def session() -> str:
        client = Client()
        client.force_login(User.objects.create_superuser("boss", password="correct-horse"))
        return client.cookies["sessionid"].value

    def come(**options: object) -> Visitor:
        visitor = newcomer(**options)
        cookie = {"name": "sessionid", "value": elsewhere(session), "url": arena.url}
        visitor.context.add_cookies([cookie])  # type: ignore[list-item]
        return visitor

    return come


def running() -> Run:
    return Run.objects.create(
        stage="reward",
        name="reward-1",
        state=Job.State.RUNNING,
        phase="features",
        step=1,
        total=9,
        progress=0.1,
        started_at=timezone.now(),
    )


def move(run: Run, **fields: object) -> None:
    """What a worker does after each step."""
    Run.objects.filter(pk=run.pk).update(**fields)
    run.refresh_from_db()
    if not run.ended:
        Metric.objects.create(run=run, phase=run.phase, step=run.step, name="loss", value=run.step)
    services.announce_run(run)


def see(page: Page, text: str) -> None:
    expect(page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)


def test_a_run_s_page_moves_with_the_run_and_ends_with_it(staff: Callable[..., Visitor]) -> None:
    run = elsewhere(running)
    page = staff().open(f"/lab/runs/{run.pk}/")
    see(page, "features, 1 of 9 examples")
    elsewhere(lambda: move(run, step=5, progress=0.5))
    see(page, "features, 5 of 9 examples")
    elsewhere(lambda: move(run, phase="training", step=7, progress=0.8))
    see(page, "training, step 7 of 9")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    ended = {"state": Job.State.SUCCEEDED, "progress": 1.0, "finished_at": timezone.now()}
    elsewhere(lambda: move(run, **ended))
    see(page, "succeeded")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_the_form_of_updates_follows_the_method(staff: Callable[..., Visitor]) -> None:
    page = staff().open("/lab/")
    form = page.locator("#update-form")
    expect(form.get_by_label("Dataset")).to_have_count(0)
    form.get_by_label("Method").focus()
    form.get_by_label("Method").select_option("kto")  # no button: htmx asks
    expect(form.get_by_label("Dataset")).to_be_visible(timeout=PATIENCE_MS)
    expect(form).to_contain_text("Moves towards responses with a thumb up")
    expect(form).to_contain_text("no dataset with enough thumbs yet")
    expect(form.get_by_label("Reward model")).to_have_count(0)
    expect(form.get_by_label("Method")).to_be_focused()
    form.get_by_label("Method").select_option("best-of-n")  # the new form does it too
    expect(form.get_by_label("Dataset")).to_have_count(0, timeout=PATIENCE_MS)


def test_what_was_refused_is_said_once(staff: Callable[..., Visitor]) -> None:
    elsewhere(lambda: many_votes(20))
    visitor = staff()
    visitor.expected.append("422")
    page = visitor.open("/lab/")
    page.locator("#reward-form summary").click()
    page.locator("#reward-form [name=reward-settings]").fill("epoch = 3")
    page.get_by_role("button", name="Train the reward model").click()
    others = page.locator(".estimate:not(#reward-form .estimate)")
    expect(others.filter(has_text=re.compile(r"\w")).first).to_be_visible()  # answers have come
    expect(page.get_by_text("There is no setting 'epoch'.")).to_have_count(1)
    page.locator("#reward-form [name=reward-settings]").fill("epochs = 3")
    page.locator("#reward-form [name=reward-settings]").blur()
    expect(page.locator("#reward-form .estimate")).to_contain_text(re.compile(r"\w"))


def test_what_was_chosen_and_not_sent_outlives_another_language(
    staff: Callable[..., Visitor],
) -> None:
    page = staff().open("/lab/")
    reward, update = page.locator("#reward-form"), page.locator("#update-form")
    reward.locator("summary").click()
    reward.locator("[name=reward-settings]").fill("seed = 7  # ünd\nepochs = 3")
    reward.locator("[name=reward-preset]").select_option("quick")
    update.get_by_label("Method").select_option("kto")
    expect(update.get_by_label("Method")).to_be_enabled()
    expect(update.get_by_label("Who voted")).to_be_visible()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(reward.locator("[name=reward-settings]")).to_have_value("seed = 7  # ünd\nepochs = 3")
    expect(reward.locator("[name=reward-settings]")).to_be_visible()
    expect(reward.locator("[name=reward-preset]")).to_have_value("quick")
    expect(update.locator("[name=update-stage]")).to_have_value("kto")
    expect(page.locator("#pretrain-form")).to_be_hidden()


def test_a_refusal_of_settings_goes_while_they_are_mended(staff: Callable[..., Visitor]) -> None:
    visitor = staff()
    visitor.expected.append("422")
    page = visitor.open("/lab/")
    form = page.locator("#reward-form")
    settings, checked = form.locator("[name=reward-settings]"), form.locator(".estimate")
    form.locator("summary").click()
    settings.press_sequentially("epoch = 3")
    expect(checked).to_contain_text("There is no setting 'epoch'.")
    settings.press("Home")
    settings.press("#")
    expect(checked).not_to_contain_text("There is no setting")
    settings.press("Backspace")
    expect(checked).to_contain_text("There is no setting 'epoch'.")
    page.get_by_role("button", name="Train the reward model").click()
    expect(form.locator(".field__error")).to_contain_text("There is no setting")
    settings.press("Home")
    settings.press("#")
    expect(settings).to_be_focused()
    expect(page.get_by_text("There is no setting")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
def test_who_voted_is_asked_only_where_votes_are_frozen(
    staff: Callable[..., Visitor], scripts: bool
) -> None:
    def freeze() -> Dataset:
        many_votes(30)
        frozen = services.create_dataset(format="ranking")
        services.write_dataset(frozen.pk)
        Run.objects.create(stage="reward", name="reward-1", state=Job.State.SUCCEEDED)
        return frozen

    dataset = elsewhere(freeze)
    visitor = staff(java_script_enabled=scripts)
    page = visitor.open(f"/lab/?update-stage=dpo&update-reward_run=&update-dataset={dataset.pk}")
    reward, update = page.locator("#reward-form"), page.locator("#update-form")
    for form in (reward, update):
        dataset_field, population = form.get_by_label("Dataset"), form.get_by_label("Who voted")
        dataset_field.select_option(str(dataset.pk))
        expect(population).to_be_hidden()
        dataset_field.select_option("")
        expect(population).to_be_visible()
    update.get_by_label("Reward model").select_option(index=1)
    expect(update.get_by_label("Who voted")).to_be_hidden()


def test_each_choice_of_an_update_is_estimated_anew(staff: Callable[..., Visitor]) -> None:
    page = staff().open("/lab/")
    form = page.locator("#update-form")
    for method in ("dpo", "best-of-n"):  # each time in a form that replaced another
        form.get_by_label("Method").select_option(method)
        expect(form.get_by_label("Dataset")).to_have_count(1 if method == "dpo" else 0)
        form.locator("details").evaluate("one => (one.open = true)")
        for line in (f"seed = {len(method)}", "seed = 1"):
            form.locator("textarea").fill(line)
            with page.expect_response("**/lab/estimate/") as answer:
                form.locator("textarea").blur()
            assert line in parse_qs(answer.value.request.post_data)["update-settings"]
            expect(form.locator(".estimate[aria-live]")).to_contain_text("required")


def test_no_choice_is_made_in_a_form_that_is_about_to_be_replaced(
    staff: Callable[..., Visitor],
) -> None:
    page = staff().open("/lab/")
    form = page.locator("#update-form")
    held: list[Route] = []
    page.route("**/lab/method/", lambda route: held.append(route))
    form.get_by_label("Method").focus()
    form.get_by_label("Method").select_option("dpo")
    expect(form.get_by_label("How thorough")).to_be_disabled()
    held[0].continue_()
    form.get_by_label("How thorough").select_option("quick")
    expect(form.get_by_label("Dataset")).to_be_visible()
    expect(form.get_by_label("How thorough")).to_have_value("quick")
    expect(form.get_by_label("Method")).to_be_focused()


def test_the_form_of_updates_follows_the_method_without_scripts(
    staff: Callable[..., Visitor],
) -> None:
    page = staff(java_script_enabled=False).open("/lab/")
    page.get_by_label("Method").select_option("kto")
    page.get_by_role("button", name="Show what this method needs").click()
    form = page.locator("#update-form")
    expect(form).to_contain_text("Moves towards responses with a thumb up")
    expect(form.get_by_label("Dataset")).to_be_visible()


def test_a_failed_run_s_log_opens_at_its_end(staff: Callable[..., Visitor]) -> None:
    def failed() -> Run:
        lines = "\n".join(f"line {number}" for number in range(99))
        return Run.objects.create(
            stage="reward",
            name="reward-1",
            state=Job.State.FAILED,
            error=f"It crashed.\n\n{lines}\nValueError: upside down",
        )

    page = staff().open(f"/lab/runs/{elsewhere(failed).pk}/")
    see(page, "It crashed.")
    shown = page.get_by_text("ValueError: upside down").evaluate(
        """log => {
            const range = document.createRange();
            range.selectNodeContents(log);
            const { top, bottom } = range.getBoundingClientRect();
            const box = log.getBoundingClientRect();
            log.scrollTop = -log.scrollHeight;
            const first = range.getBoundingClientRect().top;
            return { cut: top < box.top, end: bottom <= box.bottom, start: first >= box.top };
        }"""
    )
    assert shown == {"cut": True, "end": True, "start": True}


def test_a_reason_without_spaces_widens_no_page(staff: Callable[..., Visitor]) -> None:
    def settled() -> str:
        boss = User.objects.get()
        child = register_contender(
            name="Child", model="tiny", parent=contender("parent"), on_trial=True
        )
        trial = open_trial(child=child)
        services.settle_trial(trial=trial, keep=False, by=boss, reason="w" * 500)
        services.set_gate(limits={}, waits=True, note="w" * 500, by=boss)
        return trial.get_absolute_url()

    visitor = staff(viewport={"width": 390, "height": 800})
    page = visitor.open(elsewhere(settled))
    for path in (page.url, f"{visitor.url}/lab/gate/"):
        page.goto(path)
        see(page, "w" * 500)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, path


def test_a_dataset_s_page_offers_the_file_once_it_is_whole(staff: Callable[..., Visitor]) -> None:
    def ask() -> Dataset:
        many_votes(3)
        return services.create_dataset(format="ranking")

    dataset = elsewhere(ask)
    page = staff().open(f"/lab/datasets/{dataset.pk}/")
    see(page, "Waiting for a worker")
    elsewhere(lambda: services.write_dataset(dataset.pk))
    see(page, "succeeded")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    assert len(Path(downloading.value.path()).read_bytes().splitlines()) == 3


def test_the_builder_shows_what_a_choice_yields_and_freezes_it(
    staff: Callable[..., Visitor],
) -> None:
    elsewhere(lambda: many_votes(12))
    page = staff().open("/lab/datasets/new/")
    see(page, "Question number 0?")
    page.get_by_label("Format").select_option("ranking")  # no button: htmx asks
    see(page, "Freeze as Rankings (K-wise)")
    expect(page).to_have_url(re.compile("format=ranking"))
    page.get_by_label("Without", exact=True).select_option("amber")
    see(page, "gives no rows in this format")
    page.reload()  # the address is the choice
    see(page, "gives no rows in this format")
    page.get_by_label("Without", exact=True).select_option([])
    see(page, "Question number 0?")
    page.get_by_role("button", name="Freeze").click()
    see(page, "Waiting for a worker")
    dataset = elsewhere(lambda: Dataset.objects.get())
    assert (dataset.format, dataset.selection) == ("ranking", {})


def test_the_builder_freezes_nothing_of_an_invalid_choice(staff: Callable[..., Visitor]) -> None:
    elsewhere(lambda: many_votes(12))
    page = staff().open("/lab/datasets/new/?since=2020-05-02")
    see(page, "Question number 0?")
    page.get_by_label("To", exact=True).fill("2020-05-01")
    page.get_by_label("To", exact=True).dispatch_event("change")
    see(page, "The first day is after the last one.")
    expect(page.get_by_text("Question number 0?")).to_have_count(0)
    expect(page.get_by_role("button", name="Freeze")).to_have_count(0)
    page.get_by_label("To", exact=True).fill("")
    page.get_by_label("To", exact=True).dispatch_event("change")
    see(page, "Question number 0?")
    expect(page.get_by_role("button", name="Freeze")).to_be_enabled()


def test_the_builder_works_without_scripts(staff: Callable[..., Visitor]) -> None:
    elsewhere(lambda: many_votes(12))
    page = staff(java_script_enabled=False).open("/lab/datasets/new/")
    page.get_by_label("Format").select_option("lmsys")
    page.get_by_role("button", name="Show what it yields").click()
    see(page, "Freeze as Battles (LMSYS)")
    page.get_by_role("button", name="Freeze").click()
    see(page, "Waiting for a worker")


def test_the_admin_shows_an_export_s_progress_by_itself(staff: Callable[..., Visitor]) -> None:
    dataset = elsewhere(lambda: services.create_dataset(format="ranking"))
    visitor = staff()
    page = visitor.open(f"/admin/rlhf/dataset/{dataset.pk}/change/")
    see(page, "queued")
    elsewhere(lambda: Dataset.objects.update(state=Job.State.RUNNING, progress=0.4))
    see(page, "40 %")
    elsewhere(lambda: services.write_dataset(dataset.pk))
    expect(page.get_by_role("link", name="Download")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_lab_fits_a_phone(staff: Callable[..., Visitor], scheme: str) -> None:
    run = elsewhere(running)
    elsewhere(lambda: services.create_dataset(format="ranking"))
    visitor = staff(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for path in ("/lab/", f"/lab/runs/{run.pk}/", "/lab/datasets/"):
        page = visitor.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path


def test_the_gate_s_table_is_whole_on_a_phone(staff: Callable[..., Visitor]) -> None:
    def judged() -> str:
        run = running()
        gate = {"passed": False, "reasons": ["It repeats itself."], "checks": CHECKS}
        Run.objects.update(
            stage="best-of-n", state=Job.State.SUCCEEDED, summary={"metrics": {"gate": gate}}
        )
        return run.get_absolute_url()

    page = staff(viewport={"width": 390, "height": 844}).open(elsewhere(judged))
    table = page.get_by_role("region", name="Rules of the gate")
    expect(table).to_contain_text("at most 2.7")
    assert table.evaluate("one => one.scrollWidth - one.clientWidth") <= 0


def test_what_a_run_takes_is_said_at_once_and_moves_nothing(
    staff: Callable[..., Visitor],
    tiny_model: str,  # noqa: F811
) -> None:
    def ready() -> None:
        many_votes(25)
        Prompt.objects.create(slug="p", category="facts", text="Why?")
        Contender.objects.update(model=Path(tiny_model).name)

    elsewhere(ready)
    with override_settings(MODELS_DIR=Path(tiny_model).parent):
        page = staff().open("/lab/")
        expect(page.locator("#reward-form .estimate")).to_contain_text("Time, estimated")
        button = page.get_by_role("button", name="Train the reward model")
        before = button.bounding_box()
        page.evaluate("document.querySelector('#reward-form .estimate').replaceChildren()")
        assert button.bounding_box() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_wider_than_a_phone_shows_that_it_goes_on_and_is_scrolled_by_keyboard(
    staff: Callable[..., Visitor], scheme: str
) -> None:
    def measured() -> Run:
        base = contender("amber")
        dataset = Dataset.objects.create(format="ranking", state=Job.State.SUCCEEDED, votes=150)
        run = Run.objects.create(
            stage="dpo", name="dpo-1", dataset=dataset, base=base, state=Job.State.SUCCEEDED
        )
        for step in (0, 8):
            for name in ("reward", "nll", "kl", "entropy", "repetition", "length"):
                Metric.objects.create(
                    run=run, phase="checkpoints", step=step, name=name, value=step / 10
                )
        return run

    run = elsewhere(measured)
    # axe is put into the page from outside; the pages' own policy would refuse it.
    visitor = staff(viewport={"width": 390, "height": 844}, color_scheme=scheme, bypass_csp=True)
    for path, name in (
        ("/lab/lineage/", "Picture of the lineage"),
        (run.get_absolute_url(), "Table of checkpoints"),
    ):
        page = visitor.open(path)
        region = page.get_by_role("region", name=name).and_(page.locator(".scroller"))
        assert region.evaluate("one => one.scrollWidth - one.clientWidth") > 0
        edges = region.evaluate("one => getComputedStyle(one).backgroundAttachment")
        assert edges.startswith("local, local, scroll, scroll")
        region.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("(one) => one.scrollLeft > 0", arg=region.element_handle())
        assert found(page, path) == []
