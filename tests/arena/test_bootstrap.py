"""`manage.py bootstrap`: what a new arena starts with."""

import io
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command

from arena.models import Contender, Prompt

pytestmark = pytest.mark.django_db


def bootstrap() -> str:
    out = io.StringIO()
    call_command("bootstrap", stdout=out)
    return out.getvalue()


def test_the_printed_password_opens_the_admin_account() -> None:
    password = bootstrap().split("password  ")[1].split()[0]
    user = authenticate(username="admin", password=password)
    assert user is not None
    assert user.is_superuser


def test_the_printed_command_is_for_this_arena(tmp_path: Path, settings: Any) -> None:
    settings.ARENA_HOME = tmp_path / "my arena"
    last = bootstrap().splitlines()[-1].removeprefix("Another one: ")
    command = shlex.split(last)
    assert command[0] == f"ARENA_HOME={tmp_path}/my arena"
    assert command[1:] == [".venv/bin/python", "manage.py", "changepassword", "admin"]
    User.objects.all().delete()
    settings.ARENA_HOME = settings.BASE_DIR / "var"
    assert "Another one: .venv/bin/python manage.py changepassword" in bootstrap()


def test_a_second_start_adds_and_prints_nothing() -> None:
    bootstrap()
    counts = Contender.objects.count(), Prompt.objects.count()
    assert bootstrap() == ""
    assert (Contender.objects.count(), Prompt.objects.count()) == counts


def test_a_new_arena_has_contenders_that_differ_and_a_library() -> None:
    bootstrap()
    characters = {
        (c.system_prompt, c.temperature, c.top_p) for c in Contender.objects.filter(active=True)
    }
    assert len(characters) == Contender.objects.count() >= 4
    assert Prompt.objects.count() >= 150
    assert Prompt.objects.values("category").distinct().count() == 8


def test_what_an_operator_removed_stays_removed() -> None:
    bootstrap()
    Contender.objects.filter(slug="smol-lists").delete()
    bootstrap()
    assert not Contender.objects.filter(slug="smol-lists").exists()
