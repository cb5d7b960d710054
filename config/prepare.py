"""`python -m config.prepare`: database, static files and first contents, in one process.

One, because starting Django three times takes most of the ten seconds of a start.
"""

import os

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings

    call_command("migrate", interactive=False, verbosity=0)
    if not settings.SERVESTATIC_USE_FINDERS:  # otherwise they are served from where they lie
        call_command("collectstatic", interactive=False, verbosity=0)
    call_command("bootstrap")


if __name__ == "__main__":
    main()
