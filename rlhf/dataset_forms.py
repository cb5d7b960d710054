"""Forms of the dataset pages: which votes to freeze, and files of others to import."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from arena.categories import label
from arena.models import Contender
from arena.pages import MODES
from rlhf.exporting import FORMATS
from rlhf.forms import POPULATIONS
from rlhf.importing import DEMONSTRATION_FORMATS, FILE_FORMATS
from rlhf.selection import CHOICES, Selection
from rlhf.selectors import vote_categories

MOST_UPLOADED = 200 * 1024 * 1024
TEXT_LIMITS = _(
    "Plain text (.txt, .md), JSON with <code>text</code> (.jsonl, .ndjson, .json) or Parquet; at "
    "most 200 MB, and at most 2,000,000 characters a document."
)
RATERS = [
    ("any", _("all")),
    ("signed-in", _("with an account")),
    ("anonymous", _("without an account")),
    ("unknown", _("of imported votes")),
]
COUNTED = [
    ("counted", _("that count")),
    ("not-counted", _("taken out of the count")),
    ("all", _("both")),
]
NOTICED = [
    ("hurried", _("faster than reading allows")),
    ("repeated", _("same prompt by the same rater")),
    ("regenerated", _("responses written again")),
]
AGREEMENT = [
    ("any", _("keep all")),
    ("undisputed", _("leave out what more others contradict than share")),
]


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class _Words(forms.CharField):
    """Words or slugs with spaces or commas between them, as a list."""

    def clean(self, value: str | None) -> Any:
        return super().clean(value).replace(",", " ").split()


class DatasetForm(forms.Form):
    """Which votes, in which format. The address of the builder holds these fields."""

    format = forms.ChoiceField(
        label=_("Format"), choices=[(form.name, form.title) for form in FORMATS.values()]
    )
    container = forms.ChoiceField(
        label=_("File type"),
        choices=[("jsonl", "JSON Lines"), ("parquet", "Parquet")],
        required=False,
    )
    population = forms.ChoiceField(choices=POPULATIONS, initial="people", label=_("Who voted"))
    since = forms.DateField(label=pgettext_lazy("date", "From"), required=False, widget=_Day)
    until = forms.DateField(label=_("To"), required=False, widget=_Day)
    categories = forms.MultipleChoiceField(
        label=_("Categories"), required=False, help_text=_("None chosen means all.")
    )
    tags = _Words(label=_("Tags"), required=False)
    contenders = forms.MultipleChoiceField(
        label=_("With one of"), required=False, help_text=_("None chosen means all.")
    )
    without = forms.MultipleChoiceField(label=_("Without"), required=False)
    raters = forms.ChoiceField(label=_("Raters"), choices=RATERS, required=False)
    modes = forms.MultipleChoiceField(
        label=_("Battles"),
        choices=[(mode, MODES[mode]) for mode in CHOICES["modes"]],
        required=False,
        help_text=_("None chosen means all."),
    )
    votes = forms.ChoiceField(label=_("Votes"), choices=COUNTED, required=False)
    leave_out = forms.MultipleChoiceField(
        label=_("Leave out"), choices=NOTICED, required=False, help_text=_("None chosen keeps all.")
    )
    least_seconds = forms.IntegerField(
        label=_("Least seconds before the vote"),
        min_value=0,
        max_value=86_400,
        required=False,
        help_text=_("Since the battle began; hurried votes are left out."),
    )
    agreement = forms.ChoiceField(
        label=_("Agreement"),
        choices=AGREEMENT,
        required=False,
        help_text=_("Votes on the same prompt and line-up are compared."),
    )
    scrub = forms.BooleanField(
        label=_("Replace e-mail addresses, phone numbers and keys"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        contenders = [(one.slug, one.name) for one in Contender.objects.all()]
        for name, choices in (
            ("categories", [(name, label(name)) for name in vote_categories()]),
            ("contenders", contenders),
            ("without", contenders),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = choices
            field.widget.attrs["size"] = min(5, max(2, len(choices)))
        for name, size in (("modes", 2), ("leave_out", 3)):
            self.fields[name].widget.attrs["size"] = size

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        try:
            Selection(since=chosen.get("since"), until=chosen.get("until"))
        except ValueError as wrong:
            self.add_error("until", str(wrong))
        return chosen

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.request_dataset`."""
        chosen = dict(self.cleaned_data)
        given = {"format": chosen.pop("format"), "container": chosen.pop("container") or "jsonl"}
        return given | {"population": chosen["population"], "selection": chosen}

    def data_lists(self) -> dict[str, list[str]]:
        """The fields as they were sent, to send them again."""
        data = self.data
        return {
            name: data.getlist(name) if isinstance(data, QueryDict) else [str(data[name])]
            for name in self.fields
            if name in data
        }


class FileForm(forms.Form):
    """A file of others. `command`: what reads one that is too large to upload."""

    command: ClassVar[str]

    file = forms.FileField(
        label=_("File"), help_text=_("JSON Lines, a JSON array or Parquet; at most 200 MB.")
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > MOST_UPLOADED:
            raise forms.ValidationError(
                _("The file is larger than 200 MB. Use manage.py %(command)s for it."),
                params={"command": self.command},
            )
        return file

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the service that imports it, but for who does."""
        file = self.cleaned_data["file"]
        assert isinstance(file, TemporaryUploadedFile)
        # The path has the suffix of the upload's name.
        return {"path": Path(file.temporary_file_path()), "name": file.name or ""}


class ChatFileForm(FileForm):
    """A file of chats, in one of several formats."""

    formats: ClassVar[Sequence[str]]

    file_format = forms.ChoiceField(label=_("Format"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["file_format"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [("", _("told by the first row")), *((one, one) for one in self.formats)]

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | {"file_format": self.cleaned_data["file_format"] or None}


class PreferenceFileForm(ChatFileForm):
    """A preference file of others."""

    command = "import_preferences"
    formats = FILE_FORMATS


class DemonstrationFileForm(ChatFileForm):
    """A file of responses to imitate."""

    prefix = "demonstrations"
    command = "import_demonstrations"
    formats = DEMONSTRATION_FORMATS


class TextFileForm(FileForm):
    """A file of documents."""

    prefix = "text"
    command = "import_texts"

    file = forms.FileField(label=_("File"), help_text=TEXT_LIMITS)
