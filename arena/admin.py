"""The operator's desk: contenders, prompts, battles, votes."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena import services
from arena.backends import check_connection
from arena.errors import ArenaError
from arena.models import (
    ApiToken,
    Battle,
    Contender,
    Placement,
    Prompt,
    Reaction,
    Replacement,
    Turn,
    Vote,
)
from arena.read_only import ReadOnly

admin.site.site_header = admin.site.site_title = "Arena"
admin.site.index_title = _("Operate the arena")

# A change in one of these makes another contender of it: its old votes speak of something else.
BEHAVIOUR = {"backend", "base_url", "model", "system_prompt", "temperature", "top_p", "max_tokens"}


class ContenderForm(forms.ModelForm[Contender]):
    backend = forms.ChoiceField(
        choices=[(name, name) for name in settings.ARENA_BACKENDS],
        initial="openai",
        help_text=_("“openai”: any OpenAI-compatible URL. “local”: the arena's own model server."),
    )

    base_url = forms.URLField(
        label=_("Base URL"),
        required=False,
        assume_scheme="http",
        help_text=_(
            "An OpenAI-compatible endpoint, such as http://127.0.0.1:11434/v1. "
            "Leave empty for the local model server."
        ),
    )

    class Meta:
        model = Contender
        fields = [
            "name",
            "slug",
            "description",
            "active",
            "backend",
            "base_url",
            "model",
            "api_key_env",
            "system_prompt",
            "temperature",
            "top_p",
            "max_tokens",
            "price",
            "parent",
        ]
        help_texts = {
            "system_prompt": _(
                "With a system prompt, answers can tell raters which contender it is, for example "
                "by the character that it plays: the arena looks only for names of models and "
                "makers."
            )
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if cleaned.get("backend") == "openai" and not cleaned.get("base_url"):
            self.add_error("base_url", _("An OpenAI-compatible contender needs its base URL."))
        return cleaned


@admin.register(Contender)
class ContenderAdmin(admin.ModelAdmin[Contender]):
    form = ContenderForm
    list_display = ["name", "slug", "backend", "model", "temperature", "active", "version"]
    list_filter = ["active", "backend", "external"]
    search_fields = ["name", "slug", "model"]
    save_as = True
    actions = ["test_connection", "activate", "deactivate"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Contender | None = None
    ) -> tuple[str, ...]:
        """Stored leaderboards and published votes name contenders by their slug."""
        return ("slug",) if obj and obj.placements.exists() else ()

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Contender | None = None
    ) -> dict[str, Sequence[str]]:
        """From the name, where it can be chosen."""
        return {} if "slug" in self.get_readonly_fields(request, obj) else {"slug": ["name"]}

    @admin.action(description=_("Test connection"))
    def test_connection(self, request: HttpRequest, queryset: QuerySet[Contender]) -> None:
        for contender in queryset:
            try:
                answer = check_connection(contender)
            except ArenaError as error:
                self.message_user(request, f"{contender}: {error.reason}", messages.ERROR)
            else:
                self.message_user(request, f"{contender}: {answer}", messages.SUCCESS)

    @admin.action(description=_("Activate: draw for new battles"))
    def activate(self, request: HttpRequest, queryset: QuerySet[Contender]) -> None:
        able = queryset.filter(external=False)
        if skipped := queryset.count() - able.count():
            text = gettext(
                "%(count)s known only from imported votes cannot answer and stay inactive."
            ) % {"count": skipped}
            self.message_user(request, text, messages.WARNING)
        able.update(active=True)

    @admin.action(description=_("Deactivate: draw no more"))
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Contender]) -> None:
        queryset.update(active=False)

    def save_model(
        self, request: HttpRequest, obj: Contender, form: forms.ModelForm[Contender], change: bool
    ) -> None:
        if change and BEHAVIOUR & set(form.changed_data) and obj.placements.exists():
            obj.version += 1
            text = gettext(
                "%(contender)s is now version %(version)s and keeps the rating of its earlier "
                "votes. To rate the new behaviour on its own, use “Save as new” instead."
            ) % {"contender": obj, "version": obj.version}
            self.message_user(request, text, messages.WARNING)
        super().save_model(request, obj, form, change)


@admin.register(Prompt)
class PromptAdmin(admin.ModelAdmin[Prompt]):
    list_display = ["slug", "category", "tags", "text", "active"]
    list_filter = ["category", "active"]
    search_fields = ["slug", "text"]


class PlacementInline(admin.TabularInline[Placement, Battle]):
    model = Placement
    extra = 0
    can_delete = False


class TurnInline(admin.TabularInline[Turn, Battle]):
    model = Turn
    extra = 0
    can_delete = False


@admin.register(Battle)
class BattleAdmin(ReadOnly, admin.ModelAdmin[Battle]):
    list_display = ["id", "mode", "state", "population", "source", "created_at"]
    list_filter = ["state", "mode", "population"]
    inlines = [PlacementInline, TurnInline]


class NoticedFilter(admin.SimpleListFilter):
    """Votes with something that may speak against them, see `arena.validity`."""

    title = _("what was noticed")
    parameter_name = "noticed"
    conditions = {
        "fast": (_("faster than reading allows"), Q(features__faster_than_reading=True)),
        "duplicate": (_("same prompt by the same rater"), Q(features__same_prompt_before__gt=0)),
        "others": (_("same prompt by others"), Q(features__same_prompt_by_others__gt=0)),
        "regenerated": (_("responses written again"), Q(features__regenerated__gt=0)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, (label, _) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Vote]) -> QuerySet[Vote]:
        chosen = self.conditions.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


@admin.register(Vote)
class VoteAdmin(ReadOnly, admin.ModelAdmin[Vote]):
    list_display = ["id", "battle", "verdict", "all_bad", "counted", "not_counted_because", "voter"]
    list_filter = ["counted", NoticedFilter, "battle__population", "all_bad"]
    list_select_related = ["battle", "battle__rater"]
    actions = ["take_out", "count_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vote]:
        return super().get_queryset(request).prefetch_related("battle__placements__contender")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "battle__rater" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("ranks"))
    def verdict(self, vote: Vote) -> str:
        return ", ".join(f"{p.rank}. {p.contender}" for p in vote.battle.placements.all())

    @admin.display(description=_("rater"))
    def voter(self, vote: Vote) -> str:
        if vote.battle.population != "simulated":
            return str(vote.battle.rater_id)
        return gettext("%(rater)s (simulated)") % {"rater": vote.battle.rater_id}

    @admin.action(description=_("Exclude from the count"))
    def take_out(self, request: HttpRequest, queryset: QuerySet[Vote]) -> None:
        services.exclude_votes(votes=queryset, because=f"excluded by {request.user}")
        text = gettext("Excluded. The ratings no longer rest on these votes.")
        self.message_user(request, text)

    @admin.action(description=_("Count again"))
    def count_again(self, request: HttpRequest, queryset: QuerySet[Vote]) -> None:
        services.restore_votes(votes=queryset)
        self.message_user(request, gettext("Counted again."))


@admin.register(Replacement)
class ReplacementAdmin(ReadOnly, admin.ModelAdmin[Replacement]):
    list_display = ["placement", "contender", "error", "duration_s", "chance", "created_at"]
    list_filter = ["contender"]
    list_select_related = ["placement", "contender"]


@admin.register(Reaction)
class ReactionAdmin(ReadOnly, admin.ModelAdmin[Reaction]):
    list_display = ["response_id", "value", "reasons", "comment", "changed_at"]
    list_filter = ["value"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin[ApiToken]):
    list_display = ["user", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return super(ReadOnly, self).has_delete_permission(request, obj)
