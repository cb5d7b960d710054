"""Plain documents, for continued pretraining. They come from files (`rlhf.importing.texts`)."""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.formats import Format

FORMAT = Format(
    name="text",
    title=_("Text"),
    description=_("One row per document."),
    purpose=_("For continued pretraining here."),
    columns={"text": "text", "split": "text"},
)
