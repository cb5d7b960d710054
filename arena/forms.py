"""What people type into the arena's pages, checked and turned into the services' arguments."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from arena.models import POSITIONS, Battle
from arena.reasons import BAD, GOOD
from arena.text import COMMENT_MAX_CHARS

PLACES_MISSING = _("Give each response a place; ties are allowed.")


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("The name or the password is wrong. Passwords tell capitals apart."),
    }


class SignUpForm(UserCreationForm[User]):
    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username",)
        help_texts = {"username": _("Letters, digits and @ . + - _ only.")}


class PromptForm(forms.Form):
    """A prompt. The services check it: here nothing is lost."""

    prompt = forms.Field(required=False)

    def clean_prompt(self) -> str:
        # Browsers send line ends as two characters; the rater counts them as one.
        return str(self.cleaned_data["prompt"] or "").replace("\r\n", "\n")


class BattleForm(PromptForm):
    """A prompt and who answers it: so many drawn ones, or those chosen by name.

    There are three boxes to choose from; the mode and the size say how many of them are meant.
    """

    mode = forms.ChoiceField(choices=Battle.Mode.choices, required=False)
    size = forms.TypedChoiceField(
        choices=[(2, "two"), (3, "three")], coerce=int, empty_value=None, required=False
    )
    contenders = forms.Field(required=False, widget=forms.SelectMultiple)

    def clean_size(self) -> int:
        return self.cleaned_data["size"] or 2

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or Battle.Mode.ANONYMOUS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = [slug for slug in cleaned.get("contenders") or [] if slug]
        meant = 1 if cleaned.get("mode") == Battle.Mode.DIRECT else cleaned.get("size")
        named = cleaned.get("mode") != Battle.Mode.ANONYMOUS
        cleaned["contenders"] = chosen[:meant] if named else None
        return cleaned


class ForgetForm(forms.Form):
    """What becomes of counted votes when a rater is forgotten."""

    votes = forms.ChoiceField(choices=[("keep", "keep"), ("delete", "delete")])


class ReactionForm(forms.Form):
    """A thumb: 1 up, -1 down, 0 taken back; and why."""

    value = forms.TypedChoiceField(choices=[(1, "up"), (-1, "down"), (0, "none")], coerce=int)
    reasons = forms.MultipleChoiceField(choices=[*GOOD, *BAD], required=False)
    comment = forms.CharField(required=False, max_length=COMMENT_MAX_CHARS)


class BallotForm(forms.Form):
    """A verdict: for two a, b, tie or bad; for three places 1 to 3, ties allowed, or bad.

    Letters that failed need no place: the service does not rank them.
    """

    verdict = forms.ChoiceField(
        choices=[(name, name) for name in ("a", "b", "tie", "bad", "ranking")],
        error_messages={
            "required": _("Choose a verdict first."),
            "invalid_choice": _("There is no such verdict."),
        },
    )
    reasons = forms.MultipleChoiceField(choices=[*GOOD, *BAD], required=False)
    comment = forms.CharField(required=False, max_length=COMMENT_MAX_CHARS)

    def __init__(self, *args: Any, size: int, failed: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.letters = POSITIONS[:size]
        self.failed = failed
        for letter in self.letters:
            self.fields[f"rank_{letter}"] = forms.IntegerField(
                required=False, min_value=1, max_value=size
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if verdict := cleaned.get("verdict"):
            cleaned["ranks"] = self._ranks(verdict, cleaned)
        return cleaned

    def arguments(self) -> dict[str, Any]:
        """The arguments of `cast_vote`."""
        cleaned = self.cleaned_data
        return {
            "ranks": cleaned["ranks"],
            "all_bad": cleaned["verdict"] == "bad",
            "reasons": cleaned["reasons"],
            "comment": cleaned["comment"],
        }

    def _ranks(self, verdict: str, cleaned: dict[str, Any]) -> list[int]:
        if verdict in {"tie", "bad"}:
            return [1] * len(self.letters)
        if verdict == "ranking":
            last = len(self.letters)
            places = [
                last if letter in self.failed else cleaned.get(f"rank_{letter}")
                for letter in self.letters
            ]
            given = [place for place in places if place is not None]
            if len(given) < len(places):
                raise forms.ValidationError(PLACES_MISSING)
            return _ranks_from_places(given)
        if len(self.letters) != 2:
            raise forms.ValidationError(PLACES_MISSING)
        return [1, 2] if verdict == "a" else [2, 1]


def _ranks_from_places(places: list[int]) -> list[int]:
    """Ranks without gaps: whoever puts A 1st and both others 3rd means [1, 2, 2]."""
    order = sorted(set(places))
    return [order.index(place) + 1 for place in places]
