"""Pages, API and stored sentences in the reader's language."""

import re
from html import unescape
from typing import Annotated, Literal

import pytest
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation
from django.views.defaults import server_error
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from arena.models import Contender
from arena.sentences import Sentence, shown
from config.messages import collected
from config.shapes import wrong
from rlhf.models import Run
from rlhf.training import config
from rlhf.training.evaluation import Evaluation, TextQuality
from rlhf.training.gate import may_enter
from tests.rlhf.conftest import *  # noqa: F403 - the fixtures of the lab

pytestmark = pytest.mark.django_db
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-CH,de;q=0.9,en;q=0.5"}


def html(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_without_a_wish_it_is_english(client: Client) -> None:
    answer = client.get("/login/")
    assert '<html lang="en" dir="ltr">' in html(answer)
    assert answer["Content-Language"] == "en"


def test_the_browser_s_wish_is_heard(client: Client) -> None:
    answer = client.get("/login/", **GERMAN)
    assert '<html lang="de" dir="ltr">' in html(answer)
    assert "<h1>Anmelden</h1>" in html(answer)


def test_a_language_that_is_not_there_gives_english(client: Client) -> None:
    assert "<h1>Sign in</h1>" in html(client.get("/login/", HTTP_ACCEPT_LANGUAGE="tlh"))
    client.cookies["language"] = "tlh"
    assert "<h1>Sign in</h1>" in html(client.get("/login/"))


def test_arabic_runs_from_right_to_left(client: Client) -> None:
    page = html(client.get("/login/", HTTP_ACCEPT_LANGUAGE="ar"))
    assert '<html lang="ar" dir="rtl">' in page
    assert "تسجيل الدخول" in page


def test_the_choice_is_kept_and_brings_back_the_page(client: Client) -> None:
    came_from = "http://testserver/leaderboard/?method=elo"
    answer = client.post("/language/", {"language": "de"}, HTTP_REFERER=came_from)
    assert (answer.status_code, answer["Location"]) == (302, came_from)
    assert client.cookies["language"]["max-age"] == 365 * 24 * 3600
    page = html(client.get("/signup/", HTTP_ACCEPT_LANGUAGE="en"))
    assert "<h1>Konto anlegen</h1>" in page
    assert '<button class="languages__choice" name="language" value="de" lang="de" aria' in page


def test_the_choice_leads_to_no_other_site(client: Client) -> None:
    answer = client.post("/language/", {"language": "de", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_one_request_s_language_is_not_the_next_one_s(client: Client) -> None:
    client.get("/login/", **GERMAN)
    assert translation.get_language() == "en"
    assert "<h1>Sign in</h1>" in html(Client().get("/login/"))


@pytest.mark.parametrize("path", ["/", "/leaderboard/", "/login/", "/no-such-page/"])
def test_caches_are_told_what_a_page_depends_on(client: Client, path: str) -> None:
    varies = {name.strip() for name in client.get(path)["Vary"].split(",")}
    assert {"Accept-Language", "Cookie"} <= varies


def test_errors_of_the_api_are_english_unless_asked_for(client: Client) -> None:
    def error(**headers: str) -> str:
        return str(client.get("/api/v1/nothing", **headers).json()["error"])

    assert error() == "There is nothing at this address. /api/v1/docs lists what there is."
    assert error(**GERMAN).startswith("Unter dieser Adresse ist nichts.")


def test_what_is_wrong_with_a_field_is_said_in_the_language_asked_for(client: Client) -> None:
    def error(body: dict[str, object], **headers: str) -> dict[str, str]:
        answer = client.post("/api/v1/battles", body, content_type="application/json", **headers)
        fields: dict[str, str] = answer.json()["fields"]
        return fields

    body = {"size": "2", "simulated": 1, "contenders": "echo", "siez": 3}
    assert error(body) == {
        "prompt": "Field required",
        "size": "Input should be a valid integer",
        "simulated": "Input should be a valid boolean",
        "contenders": "Input should be a valid list",
        "siez": "Extra inputs are not permitted",
    }
    assert error(body, **GERMAN) == {
        "prompt": "Pflichtfeld",
        "size": "Erwartet wird eine ganze Zahl",
        "simulated": "Erwartet wird true oder false",
        "contenders": "Erwartet wird eine Liste",
        "siez": "Dieses Feld gibt es nicht",
    }


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")

    letter: Literal["A", "B"] = "A"
    number: Annotated[int, Field(ge=1, le=3)] = 1
    text: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    many: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    aware: AwareDatetime | None = None


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"letter": "C"}, "Input should be one of 'A', 'B'"),
        ({"number": 0}, "Input should be at least 1"),
        ({"number": 4}, "Input should be at most 3"),
        ({"text": ""}, "Input should have a length of at least 1"),
        ({"text": "long"}, "Input should have a length of at most 3"),
        ({"many": [1, 2, 3]}, "Input should have a length of at most 2"),
        ({"aware": "2026-01-01T00:00"}, "Input should have timezone info"),  # pydantic's own
    ],
)
def test_limits_are_told_with_their_values(value: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Shape.model_validate(value)
    (problem,) = refused.value.errors()
    assert wrong(problem) == sentence


def test_the_page_of_a_crash_needs_no_request() -> None:
    with translation.override("de"):
        page = html(server_error(HttpRequest()))
    assert "Hier ist etwas kaputtgegangen" in page
    assert "set_language" not in page


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_figures_and_dates_are_written_as_the_language_does(
    reward_model: Run, operator_client: Client, language: str
) -> None:
    Run.objects.filter(pk=reward_model.pk).update(
        progress=0.5, summary={"metrics": {"selection_gain": 0.25, "pairs": 12_345}}
    )
    page = html(operator_client.get(reward_model.get_absolute_url(), HTTP_ACCEPT_LANGUAGE=language))
    gain, pairs = {"en": ("0.25", "12,345"), "de": ("0,25", "12.345"), "ar": ("0.25", "12,345")}[
        language
    ]
    assert f"<dd>{gain}</dd>" in page
    assert f"<dd>{pairs}</dd>" in page
    assert 'max="1" value="0.5000"' in page  # an attribute is for the browser


# --- sentences that workers write down -----------------------------------------------------

LOST = Sentence("The run %(run)s lost %(count)s of its figures.")
WHY = Sentence("Nobody knows why: 100 %% unclear.")


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        LOST.english: "%(count)s Werte von %(run)s fehlen.",
        WHY.english: "Niemand weiß warum: zu 100 %% unklar.",
    }
    monkeypatch.setattr("arena.sentences.gettext", lambda text: known.get(text, text))


def test_a_sentence_is_stored_in_english() -> None:
    with translation.override("de"):
        assert LOST(run="grpo-3", count=7) == "The run grpo-3 lost 7 of its figures."
    assert WHY() == "Nobody knows why: 100 % unclear."


@pytest.mark.usefixtures("german")
def test_a_stored_sentence_is_found_again() -> None:
    stored = f"{LOST(run='a (b) 100%', count=7)} {WHY()}"
    assert shown(stored) == stored
    with translation.override("de"):
        assert (
            shown(stored) == "7 Werte von a (b) 100% fehlen. Niemand weiß warum: zu 100 % unklar."
        )
        assert shown(LOST(run="x", count=1) + " TypeError: 7") == (
            "1 Werte von x fehlen. TypeError: 7"
        )
        assert shown("Something else.") == "Something else."
        assert shown("") == ""


def test_of_sentences_that_begin_alike_the_longest_is_meant() -> None:
    with translation.override("de"):
        assert shown("The answer broke off.") == "Die Antwort brach ab."
        assert shown("The answer broke off. Retry it.") == (
            "Die Antwort brach ab. Versuchen Sie es noch einmal."
        )


def test_why_a_run_failed_is_read_in_the_reader_s_language(
    reward_model: Run, operator_client: Client
) -> None:
    Run.objects.filter(pk=reward_model.pk).update(
        state="failed",
        error="The training process ended with exit code 3.\n\nTraceback: the log stays as it is",
        notes=["5 votes on conversations of several turns were left out: "
               "training reads single turns."],
    )  # fmt: skip
    page = html(operator_client.get(reward_model.get_absolute_url(), **GERMAN))
    assert "Der Trainingsprozess endete mit dem Exit-Code 3." in page
    assert "Traceback: the log stays as it is" in page
    assert "5 Stimmen zu Gesprächen über mehrere Züge wurden ausgelassen" in page
    assert "fehlgeschlagen" in page


def test_a_refusal_of_the_gate_is_known() -> None:
    reason = "It repeats itself: 9.1% of its 4-grams against 1.0% (at most 5.0% more is allowed)."
    with translation.override("de"):
        assert shown(reason).startswith("Es wiederholt sich: 9,1 % seiner 4-Gramme gegenüber 1,0 %")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0.25", "0,25"), ("-0.5", "-0,5"), ("12.5%", "12,5 %"), ("60%", "60 %"), ("1234", "1234"),
        ("\N{MINUS SIGN}0.5", "\N{MINUS SIGN}0,5"), ("v1.5", "v1.5"), ("1.5.2", "1.5.2"),
        ("nan", "nan"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("german")
def test_a_figure_in_a_sentence_is_written_as_the_language_does(value: str, written: str) -> None:
    stored = LOST(run="x", count=value)
    with translation.override("de"):
        assert shown(stored) == f"{written} Werte von x fehlen."
    assert value in shown(stored)


def test_every_reason_of_the_gate_has_the_decimal_sign_of_the_page(
    reward_model: Run, operator_client: Client
) -> None:
    base = TextQuality(
        nll=2.5, entropy=2.5, repetition=0.025, distinct=0.75, length=40, finished=1.0, reward=0.5,
        spread=0.5,
    )  # fmt: skip
    worse = TextQuality(
        nll=3.25, entropy=0.25, repetition=0.125, distinct=0.125, length=9, finished=1.0,
        reward=-0.5, spread=2.5,
    )  # fmt: skip
    _, reasons = may_enter(Evaluation(16, worse, base, win_rate=0.25))
    assert len(reasons) == 8
    Run.objects.filter(pk=reward_model.pk).update(stage="best-of-n", refusals=reasons)
    page = html(operator_client.get(reward_model.get_absolute_url(), **GERMAN))
    listed = re.findall(r"<li>(Es .*?|Sein.*?|Ihr.*?)</li>", page)
    assert len(listed) == len(reasons)
    assert "3,25 Nats je Token gegenüber 2,50" in page
    assert not [reason for reason in listed if re.search(r"\d[.]\d|\d%", reason)]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("epoch = 3", "[There is no setting 'epoch'.] [Did you mean epochs?]"),
        ("hue = 3", "[There is no setting 'hue'.] [There are: "),
        ("seed = x", "[The setting 'seed' is ['x'].] [It must be a whole number.]"),
        ("seed = -1", "[The setting 'seed' is -1.] [It must be at least 0.]"),
        (
            "ensemble = 99",
            "[The setting 'ensemble' is 99.] [It must be at least 1 and at most 32.]",
        ),
        ("style = 1", "[The setting 'style' is 1.] [It must be a text.]"),
        ("style = no", "[The setting 'style' is ['no'].] [It must be one of counted, ignored.]"),
        ("learning_rate = no", "['no'].] [It must be a number.]"),
        ("save_seconds = Infinity", "is inf.] [It must be a finite number.]"),
        ("epochs = 0", "[It must be above 0: otherwise nothing would be learnt.]"),
        ("seed = 9999999999", "[It is too large: it must be from 0 to 2147483647.]"),
        ("epochs = 1e12", "[It is too large: it must be above 0 and at most 100.]"),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_in_the_reader_s_language(
    base: Contender,
    operator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    said: str,
) -> None:
    monkeypatch.setattr("arena.sentences.gettext", lambda text: f"[{text}]")
    form = {"reward-stage": "reward", "reward-population": "people", "reward-preset": "quick"}
    answer = operator_client.post("/lab/runs/", form | {"reward-settings": typed}, **GERMAN)
    assert answer.status_code == 422
    assert said in unescape(html(answer))


def test_what_is_wrong_with_a_setting_is_offered_to_translators() -> None:
    found = collected()
    assert not [reason for reason in config.REASONS if reason not in found]


def test_a_refusal_page_translates_its_reason() -> None:
    context = {"reason": "The training process left no result.", "status": 409}
    with translation.override("de"):
        assert "hat kein Ergebnis hinterlassen" in render_to_string("refusal.html", context)
