"""`manage.py bootstrap`: what a new arena needs. Safe to run at every start."""

import secrets
import shlex
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from arena.starter import load_prompt_library, register_default_contenders


class Command(BaseCommand):
    help = "Creates the admin account (its password is printed once), contenders and prompts."

    def handle(self, *args: Any, **options: Any) -> None:
        prompts = load_prompt_library()
        contenders = register_default_contenders()
        if prompts or contenders:
            self.stdout.write(f"{prompts} prompts and {contenders} contenders added.")
        users = get_user_model().objects
        if not users.filter(is_superuser=True).exists():
            password = secrets.token_urlsafe(12)
            users.create_superuser("admin", password=password)
            self.stdout.write("Admin account created. This password is shown only now:")
            self.stdout.write(f"    user      admin\n    password  {password}")
            self.stdout.write(f"Another one: {_command('changepassword admin')}")


def _command(arguments: str) -> str:
    """A call of manage.py as it is typed in the repository's folder, for this arena's state."""
    home = Path(settings.ARENA_HOME)
    usual = Path(settings.BASE_DIR) / "var"
    before = "" if home == usual else f"ARENA_HOME={shlex.quote(str(home))} "
    return f"{before}.venv/bin/python manage.py {arguments}"
