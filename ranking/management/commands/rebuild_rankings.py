"""`rebuild_rankings`: categories, tallies and online Elo once more from the votes."""

from typing import Any

from django.core.management.base import BaseCommand

from ranking import services


class Command(BaseCommand):
    help = (
        "Count all votes again, say whether what is stored of them was equal to "
        "the result, and store it where they were not."
    )

    def handle(self, **options: Any) -> None:
        rebuilt = services.rebuild()
        services.refresh_leaderboards()
        for what, equal in (
            ("Votes as counted", rebuilt.rows_equal),
            ("Tallies", rebuilt.tallies_equal),
            ("Online Elo", rebuilt.elo_equal),
        ):
            verdict = "equal to those of the votes" if equal else "not those of the votes: replaced"
            self.stdout.write(f"{what}: {verdict}.")
        self.stdout.write(f"{rebuilt.votes:,} counted votes.")
