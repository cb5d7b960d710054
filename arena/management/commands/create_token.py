"""`manage.py create_token USERNAME` prints a new API token."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from arena import services


class Command(BaseCommand):
    help = "Prints a new API token of a user. It is shown this once; the database keeps a digest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(
                f"There is no active user {username!r}. `manage.py createsuperuser` or the sign-up "
                "page makes one."
            )
        self.stdout.write(services.create_token(user=user))
