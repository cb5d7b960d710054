"""Plain documents, for continued pretraining. They come from files (`rlhf.importing.texts`)."""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.formats import Format

FORMAT = Format(
    name="text",
    title=_("Text"),
    description=_("One row per document, for continued pretraining."),
    columns={"text": "text", "split": "text"},
)
