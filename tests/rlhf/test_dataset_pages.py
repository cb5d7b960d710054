"""The builder: what is chosen stands in the address, what it yields is shown, and is frozen."""

import re
from array import array
from datetime import date
from typing import Any

import pytest
from django.test import Client

from arena.models import Battle
from rlhf import services
from rlhf.exporting import FORMATS, survey
from rlhf.exporting.splits import split_of
from rlhf.models import Dataset
from rlhf.selection import Selection
from tests.rlhf.votes import converse, many_votes, thumb, vote

pytestmark = pytest.mark.django_db
NEW = "/lab/datasets/new/"
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de"}


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)


def test_without_parameters_it_shows_what_all_counted_votes_yield(operator_client: Client) -> None:
    many_votes(3)
    page = operator_client.get(NEW)
    assert page.status_code == 200
    assert "Freeze as Preferences (TRL)" in text_of(page)
    assert "Question number 0?" in page.content.decode()


def test_a_shared_address_shows_the_same_choice(operator_client: Client) -> None:
    vote(converse(["A tree?"], {"amber": ["Oak"], "cedar": ["Elm"]}, category="facts"), [1, 2])
    many_votes(2)
    address = f"{NEW}?format=ranking&population=people&contenders=cedar&categories=facts&scrub=on"
    page = operator_client.get(address).content.decode()
    assert re.search(r'value="cedar"\s+selected', page)
    assert "A tree?" in page
    assert "Question number" not in page
    assert '<input type="hidden" name="contenders" value="cedar">' in page


def test_htmx_gets_only_what_it_yields(operator_client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "yield"}
    part = operator_client.get(f"{NEW}?format=lmsys&population=people", headers=headers)
    assert part.content.decode().lstrip().startswith("<section")
    assert b"<html" not in part.content


@pytest.mark.parametrize(
    ("format_name", "said"),
    [("ranking", "every fifth of its prompts is held out"), ("lmsys", "None of its rows is for")],
)
def test_the_builder_and_the_dataset_say_that_nothing_is_for_testing(
    operator_client: Client, format_name: str, said: str
) -> None:
    address = f"{NEW}?format={format_name}&population=people"
    for number in range(3):
        assert split_of(f"P{number}") == "train"
        vote(converse([f"P{number}"], {"amber": ["Oak"], "cedar": ["Elm"]}), [1, 2])
    assert said in text_of(operator_client.get(address))
    dataset = services.create_dataset(format=format_name)
    services.write_dataset(dataset.pk)
    assert said in text_of(operator_client.get(dataset.get_absolute_url()))
    assert split_of("P23") == "test"
    vote(converse(["P23"], {"amber": ["Oak"], "cedar": ["Elm"]}), [1, 2])
    dataset = services.create_dataset(format=format_name)
    services.write_dataset(dataset.pk)
    for url in (address, dataset.get_absolute_url()):
        assert said not in text_of(operator_client.get(url))


@pytest.mark.django_db(transaction=True)
def test_what_is_shown_is_what_is_frozen(operator_client: Client, queued: None) -> None:
    vote(converse(["A tree?"], {"amber": ["Oak"], "cedar": ["Elm"]}), [1, 2])
    page = operator_client.get(
        f"{NEW}?format=ranking&population=people&container=parquet&contenders=cedar&contenders=amber"
        "&since=2026-01-01&least_seconds=0&agreement=undisputed"
    ).content.decode()
    form = page.split('action="/lab/datasets/"')[1]
    sent: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form):
        sent.setdefault(name, []).append(value)
    answer = operator_client.post("/lab/datasets/", sent)
    dataset = Dataset.objects.get()
    assert answer["Location"] == dataset.get_absolute_url()
    assert (dataset.format, dataset.container) == ("ranking", "parquet")
    assert dataset.selection == {
        "since": "2026-01-01", "contenders": ["amber", "cedar"], "agreement": "undisputed",
    }  # fmt: skip
    shown = text_of(operator_client.get(dataset.get_absolute_url()))
    assert "With one of Amber, Cedar" in shown


def test_the_builder_s_choices_are_in_the_reader_s_language(operator_client: Client) -> None:
    vote(converse(["A tree?"], {"amber": ["Oak"], "cedar": ["Elm"]}, category="science"), [1, 2])
    page = operator_client.get(NEW, **GERMAN).content.decode()
    assert '<option value="science">Wissenschaft</option>' in page
    modes = re.search(r'<select name="modes".*?</select>', page, re.DOTALL)
    assert modes
    assert re.findall(r">([^<>]+)</option>", modes[0]) == ["Blind", "Neben\xadeinander"]


def test_a_dataset_tells_its_selection_in_the_builder_s_words(operator_client: Client) -> None:
    vote(converse(["A tree?"], {"amber": ["Oak"], "cedar": ["Elm"]}, category="science"), [1, 2])
    chosen = Selection(
        population="all", since=date(2026, 1, 2), until=date(2026, 3, 4), categories=("science",),
        tags=("pilot-1", "short"), contenders=("amber", "gone"), without=("cedar",),
        raters="signed-in", modes=("anonymous",), votes="all", leave_out=("hurried",),
        least_seconds=5, agreement="undisputed", scrub=True, last_vote=1234,
    )  # fmt: skip
    assert set(chosen.as_dict()) == set(Selection.__dataclass_fields__)
    dataset = Dataset.objects.create(format="ranking", selection=chosen.as_dict())
    page = text_of(operator_client.get(dataset.get_absolute_url()))
    assert (
        "Selection Who voted both together From 2 Jan 2026 To 4 Mar 2026 Categories Science "
        "Tags pilot-1, short With one of Amber, gone Without Cedar Raters with an account "
        "Battles Blind Votes both Leave out faster than reading allows "
        "Least seconds before the vote 5 "
        "Agreement leave out what more others contradict than share "
        "Replace e-mail addresses, phone numbers and keys yes Up to vote number 1234"
    ) in page
    page = text_of(operator_client.get(dataset.get_absolute_url(), **GERMAN))
    assert "beide zusammen Von 2. Jan 2026 Bis 4. Mär 2026 Kategorien Wissenschaft" in page


@pytest.mark.parametrize("field", ["population=simulated", "scrub=on", "tags=short"])
def test_an_address_without_a_format_is_taken_with_the_default_one(
    operator_client: Client, field: str
) -> None:
    many_votes(2)
    page = operator_client.get(f"{NEW}?{field}")
    name, value = field.split("=")
    assert page.status_code == 200
    assert page.context["form"].data[name] == value
    assert page.context["form"].data["format"] == "trl-preference"


def test_days_in_the_wrong_order_are_an_error(operator_client: Client, queued: None) -> None:
    many_votes(2)
    days = {"since": "2026-05-02", "until": "2026-05-01"}
    page = operator_client.get(NEW, days)
    assert page.status_code == 422
    assert text_of(page).count("The first day is after the last one.") == 1
    chosen = {"format": "ranking", "population": "people"}
    assert operator_client.post("/lab/datasets/", chosen | days).status_code == 422
    assert not Dataset.objects.exists()
    assert operator_client.get(NEW, days | {"since": "2026-05-01"}).status_code == 200


@pytest.mark.parametrize(
    ("format_name", "reason"),
    [
        ("trl-preference", "No vote or thumb of this selection gives a row as Preferences (TRL)."),
        ("trl-unpaired", "There are no thumbs in this selection"),
        ("ranking", ""),
    ],
)
def test_a_format_without_rows_cannot_be_frozen(
    operator_client: Client, queued: None, format_name: str, reason: str
) -> None:
    vote(converse(["A tree?"], {"amber": ["Oak"], "cedar": ["Elm"]}), [1, 1])
    chosen = {"format": format_name, "population": "people"}
    page = operator_client.get(NEW, chosen).content.decode()
    assert ('button button--primary" disabled>Freeze' in page) == bool(reason)
    answer = operator_client.post("/lab/datasets/", chosen)
    assert answer.status_code == (422 if reason else 302)
    assert reason in text_of(answer)
    assert Dataset.objects.exists() == (not reason)


def test_nothing_is_frozen_without_votes(operator_client: Client, queued: None) -> None:
    assert "disabled>Freeze" in operator_client.get(NEW).content.decode()
    answer = operator_client.post("/lab/datasets/", {"format": "lmsys", "population": "people"})
    assert answer.status_code == 422
    assert text_of(answer).count("There are no votes in this selection") == 1
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("wrong", ["since=yesterday", "contenders=nobody", "least_seconds=-3"])
def test_a_wrong_choice_is_explained_and_freezes_nothing(
    operator_client: Client, wrong: str
) -> None:
    address = f"{NEW}?format=ranking&population=people&{wrong}"
    page = operator_client.get(address)
    assert page.status_code == 422
    assert b"field__error" in page.content
    headers = {"HX-Request": "true", "HX-Target": "yield"}
    part = operator_client.get(address, headers=headers)
    assert part.status_code == 200  # or htmx would leave what stood there before
    assert b"notice--bad" in part.content
    assert b"Freeze" not in part.content


def test_the_builder_is_for_staff(rater_client: Client, client: Client) -> None:
    assert rater_client.get(NEW).status_code == 403
    assert client.get(NEW)["Location"].startswith("/login/")


def test_the_survey_counts_what_is_there() -> None:
    story = "please write a short story about a small robot that learns to paint in an old town"
    for number in range(30):
        vote(converse([f"{story} {number}"], {"amber": ["Yes"], "birch": ["No, no"]}), [1, 2])
    copy = converse([f"{story} 1"], {"amber": ["Yes"], "birch": ["No, no"]})
    vote(copy, [1, 2])
    vote(converse(["Tie", "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]}), [1, 1], all_bad=True)
    vote(converse([], {"amber": [], "birch": []}), [1, 2])
    thumb(copy, 0, 1)
    found = survey(Selection(), FORMATS)
    assert (found.votes, found.thumbs, found.sampled, found.without_texts) == (33, 1, 33, 1)
    assert (found.ties, found.all_bad, found.several_turns) == (1, 1, 1)
    assert (found.prompts, found.copies) == (31, 1)
    assert found.rows["trl-preference"] == found.rows["trl-sft"] == 31
    assert found.rows["ranking"] == 32
    assert found.rows["llama-factory"] == 31
    assert (found.rows["trl-prompt-only"], found.rows["trl-unpaired"]) == (31, 1)
    assert found.languages["en"] >= 30
    assert found.test_prompts >= 1
    assert found.leaking == found.test_prompts  # all are near copies of each other
    assert (found.compared, found.lower_bound) == (31 - found.test_prompts, False)
    assert found.response_characters == (1, 3, 6)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "English 30, Catalan 1, yo 1, unsure 1"), ("de", "Englisch 30, Katalanisch 1, yo 1,")],
)
def test_the_survey_names_languages_in_the_reader_s(
    operator_client: Client, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    from rlhf.exporting import surveying

    told = {"en": 30, "ca": 1, "yo": 1, "": 1}
    monkeypatch.setattr(surveying, "_languages", lambda prompts: told)
    many_votes(2)
    operator_client.cookies["language"] = language
    assert said in text_of(operator_client.get("/lab/datasets/new/"))


def yields_of(client: Client) -> dict[str, str]:
    """The rows that the builder tells, by format, with what it says the format is for."""
    page = client.get("/lab/datasets/new/").content.decode()
    table = page.split("Rows by format")[1].split("</table>")[0]
    lines = re.findall(
        r'scope="row">([^<]+)<span class="meaning">[^<]+</span></th><td class="num">([^<]*)</td>',
        table,
    )
    return dict(lines)


def test_the_builder_lists_every_format_with_its_rows_and_its_purpose(
    operator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlhf.exporting import surveying

    for number in range(24):
        battle = converse([f"Q {number % 12}"], {"amber": ["Yes"], "birch": ["No"]})
        vote(battle, [1, 2])
    for side in (0, 1):
        thumb(battle, side, 1)
    found = yields_of(operator_client)
    assert list(found) == [str(form.title) for form in FORMATS.values()]
    assert found["Thumbs (TRL, unpaired)"] == "2"
    assert found["Prompts (TRL, prompt-only)"] == "12"
    page = text_of(operator_client.get("/lab/datasets/new/"))
    assert all(str(form.purpose) in page for form in FORMATS.values())
    monkeypatch.setattr(surveying, "SAMPLE", 12)  # every second vote
    found = yields_of(operator_client)
    assert found["Rankings (K-wise)"] == "≈ 24"
    assert found["Thumbs (TRL, unpaired)"] == "2"
    assert found["Prompts (TRL, prompt-only)"] == "at least 6"


def test_a_large_selection_is_surveyed_by_the_same_sample_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rlhf.exporting import surveying

    monkeypatch.setattr(surveying, "SAMPLE", 10)
    many_votes(40)
    first, second = survey(Selection(), FORMATS), survey(Selection(), FORMATS)
    assert first == second
    assert (first.votes, first.sampled, first.exact) == (40, 10, False)


@pytest.fixture
def near_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty prompts for testing and a near copy of each for training, in samples of 30 votes."""
    from rlhf.exporting import surveying

    told = "please write a story of the small robot {0} that learns to paint the town {0}"
    split = {which: [p for p in map(told.format, range(1, 2_000)) if split_of(p) == which]
             for which in ("test", "train")}  # fmt: skip
    ours = split["test"][:60]
    copies = [f"{p} now {'please ' * n}" for p in ours for n in range(1, 4)]
    theirs = [p for p in copies if split_of(p) == "train"]
    for prompt in ours + theirs:
        vote(converse([prompt], {"amber": ["Yes"], "birch": ["No"]}), [1, 2])
    monkeypatch.setattr(surveying, "SAMPLE", 30)
    monkeypatch.setattr(surveying, "AT_ONCE", 50)


def test_a_sample_s_prompts_are_compared_with_those_of_all_votes(near_copies: None) -> None:
    found = survey(Selection(), FORMATS)
    assert found.sampled == 30 < found.votes
    assert found.leaking == found.test_prompts > 5
    assert not found.lower_bound


@pytest.mark.parametrize("limit", [{"COMPARED": 60}, {"MOST_CHARACTERS": 3_000}])
def test_what_was_not_compared_is_said(
    operator_client: Client,
    near_copies: None,
    monkeypatch: pytest.MonkeyPatch,
    limit: dict[str, int],
) -> None:
    from rlhf.exporting import surveying

    for name, value in limit.items():
        monkeypatch.setattr(surveying, name, value)
    found = survey(Selection(), FORMATS)
    assert found.lower_bound
    assert 0 < found.compared < 60
    dataset = Dataset.objects.create(
        format="ranking", state="succeeded", manifest={"survey": found.as_dict()}
    )
    for address in (NEW, dataset.get_absolute_url()):
        page = text_of(operator_client.get(address))
        assert f"of these near copies of one for training at least {found.leaking}" in page
        assert f"compared with {found.compared} different prompts for training. These are" in page
        before, among, after = page.partition("Among the 30 votes looked at, spread evenly")
        assert among
        assert "Votes" in before
        assert "Different prompts" in after
        assert "Different prompts" not in before


def test_exact_figures_are_not_said_to_be_of_a_sample(operator_client: Client) -> None:
    many_votes(3)
    dataset = Dataset.objects.create(
        format="ranking",
        state="succeeded",
        manifest={"survey": survey(Selection(), FORMATS).as_dict()},
    )
    for address in (NEW, dataset.get_absolute_url()):
        page = text_of(operator_client.get(address))
        assert "Different prompts 3" in page
        assert "votes looked at" not in page
        assert "at least" not in page


def test_a_choice_looks_for_disputes_once(
    operator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlhf.selectors import disputes

    many_votes(3)
    looks: list[Any] = []

    def look(votes: Any) -> "array[int]":
        looks.append(votes)
        return array("q")

    monkeypatch.setattr(disputes, "disputed", look)
    assert operator_client.get(NEW, {"agreement": "undisputed"}).status_code == 200
    assert len(looks) == 1


def test_no_votes_are_said_without_an_error(operator_client: Client) -> None:
    page = text_of(operator_client.get(NEW))
    assert "gives no rows in this format" in page
    assert not Battle.objects.exists()
