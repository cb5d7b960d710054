"""What ranking keeps, to look at: only votes change it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from arena.models import Contender
from arena.read_only import ReadOnly
from ranking.models import EloRating, Leaderboard, Standing, Tally


class StandingInline(ReadOnly, admin.TabularInline[Standing, Leaderboard]):
    model = Standing


@admin.register(Leaderboard)
class LeaderboardAdmin(ReadOnly, admin.ModelAdmin[Leaderboard]):
    list_display = ["id", "method", "category", "population", "votes", "computed_at"]
    list_filter = ["method", "category", "population"]
    date_hierarchy = "computed_at"
    inlines = [StandingInline]


@admin.register(Tally)
class TallyAdmin(ReadOnly, admin.ModelAdmin[Tally]):
    list_display = ["contenders", "ranks", "count", "category", "population"]
    list_filter = ["category", "population"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tally]:
        self._names = dict(Contender.objects.values_list("pk", "name"))
        return super().get_queryset(request)

    @admin.display(ordering="lineup")
    def contenders(self, obj: Tally) -> str:
        ids = map(int, obj.lineup.split("-"))
        return ", ".join(self._names.get(one, f"contender {one}") for one in ids)


@admin.register(EloRating)
class EloRatingAdmin(ReadOnly, admin.ModelAdmin[EloRating]):
    list_display = ["contender", "rating", "votes", "category", "population"]
    list_filter = ["category", "population"]
    list_select_related = ["contender"]
