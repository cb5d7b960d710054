"""What an operator does in the admin, through its pages."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from arena.models import Battle, Contender, Placement, Prompt, Rater

FIELDS = {
    "name": "Local Llama",
    "slug": "local-llama",
    "description": "",
    "active": "on",
    "backend": "openai",
    "base_url": "http://127.0.0.1:9/v1",
    "model": "llama",
    "api_key_env": "",
    "system_prompt": "",
    "temperature": "0.7",
    "top_p": "0.95",
    "max_tokens": "100",
    "parent": "",
}


def add(client: Client, **changes: str) -> "list[str]":
    response = client.post(reverse("admin:arena_contender_add"), FIELDS | changes)
    if response.status_code == 302:
        return []
    form = response.context["adminform"].form
    return [message for messages in form.errors.values() for message in messages]


def test_an_openai_compatible_contender_is_added(superuser_client: Client) -> None:
    assert add(superuser_client) == []
    contender = Contender.objects.get(slug="local-llama")
    assert (contender.backend, contender.model, contender.active) == ("openai", "llama", True)


@pytest.mark.parametrize("key", ["sk-abc123", "my key", "lower_case"])
def test_a_key_is_refused_where_its_variable_name_belongs(
    superuser_client: Client, key: str
) -> None:
    [message] = add(superuser_client, api_key_env=key)
    assert "never a key" in message
    assert not Contender.objects.exists()


def test_a_system_prompt_is_said_to_give_a_contender_away(superuser_client: Client) -> None:
    said = "the arena looks only for names of models and makers"
    assert said in superuser_client.get(reverse("admin:arena_contender_add")).content.decode()
    plain = Contender.objects.create(slug="plain", name="Plain", model="m")
    teacher = Contender.objects.create(
        slug="teacher", name="Teacher", model="m", system_prompt="You are a patient teacher."
    )
    for contender, expected in ((plain, False), (teacher, True)):
        shown = superuser_client.get(reverse("contender", args=[contender.slug]))
        assert (said in shown.content.decode()) == expected


def test_an_openai_contender_without_url_is_refused(superuser_client: Client) -> None:
    assert add(superuser_client, base_url="") == [
        "An OpenAI-compatible contender needs its base URL."
    ]


@pytest.mark.parametrize(
    ("field", "value"), [("temperature", "3"), ("top_p", "0"), ("max_tokens", "0")]
)
def test_sampling_out_of_range_is_refused(superuser_client: Client, field: str, value: str) -> None:
    assert len(add(superuser_client, **{field: value})) == 1


def test_a_failing_connection_is_explained(superuser_client: Client) -> None:
    add(superuser_client)
    contender = Contender.objects.get()
    response = superuser_client.post(
        reverse("admin:arena_contender_changelist"),
        {"action": "test_connection", "_selected_action": [contender.pk]},
    )
    message = [str(m) for m in get_messages(response.wsgi_request)][-1]
    assert "Local Llama" in message
    assert "127.0.0.1:9" in message


def test_contenders_known_only_from_imports_cannot_be_activated(superuser_client: Client) -> None:
    contender = Contender.objects.create(slug="x", name="X", model="x", external=True, active=False)
    superuser_client.post(
        reverse("admin:arena_contender_changelist"),
        {"action": "activate", "_selected_action": [contender.pk]},
    )
    contender.refresh_from_db()
    assert not contender.active


@pytest.mark.parametrize("model", ["contender", "prompt", "battle", "vote", "reaction", "apitoken"])
def test_every_list_opens(superuser_client: Client, model: str) -> None:
    assert superuser_client.get(reverse(f"admin:arena_{model}_changelist")).status_code == 200


def test_raters_have_no_admin(client: Client) -> None:
    assert client.get(reverse("admin:arena_contender_changelist")).status_code == 302


def test_the_slug_of_a_contender_that_was_in_a_battle_stays(superuser_client: Client) -> None:
    add(superuser_client)
    contender = Contender.objects.get()
    page = reverse("admin:arena_contender_change", args=[contender.pk])
    assert b'name="slug"' in superuser_client.get(page).content
    battle = Battle.objects.create(rater=Rater.objects.create())
    Placement.objects.create(battle=battle, position=0, contender=contender)
    assert b'name="slug"' not in superuser_client.get(page).content
    superuser_client.post(page, FIELDS | {"slug": "another", "name": "Renamed"})
    contender.refresh_from_db()
    assert (contender.slug, contender.name) == ("local-llama", "Renamed")


@pytest.mark.parametrize("category", ["Coding", "hard tasks", "a--b"])
def test_a_category_that_could_not_be_told_from_others_is_refused(
    superuser_client: Client, category: str
) -> None:
    fields = {"slug": "p", "category": category, "text": "?", "tags": "", "active": "on"}
    answer = superuser_client.post(reverse("admin:arena_prompt_add"), fields)
    assert "small letters, digits and hyphens" in answer.content.decode()
    assert not Prompt.objects.filter(slug="p").exists()
