"""New contenders."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from arena.errors import Invalid
from arena.models import Contender


@transaction.atomic
def register_contender(
    *,
    name: str,
    model: str,
    description: str = "",
    system_prompt: str = "",
    temperature: float = 0.7,
    top_p: float = 0.95,
    max_tokens: int = 256,
    backend: str = "local",
    base_url: str = "",
    api_key_env: str = "",
    parent: Contender | None = None,
    on_trial: bool = False,
    active: bool = True,
) -> Contender:
    """A new contender with a slug of its own; a child is its parent's next version.

    `active`: it is drawn for battles. `on_trial`: it meets its parent in an extra share of the
    battles, until `settle_contender`.
    Invalid when a value does not fit, saying which and why.
    """
    if backend not in settings.ARENA_BACKENDS:
        known = ", ".join(sorted(settings.ARENA_BACKENDS))
        values = {"backend": repr(backend), "known": known}
        raise Invalid(_("Unknown backend %(backend)s: choose one of %(known)s.") % values)
    contender = Contender(
        slug=_free_slug(name),
        name=name,
        description=description,
        backend=backend,
        base_url=base_url,
        model=model,
        api_key_env=api_key_env,
        system_prompt=system_prompt,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
        parent=parent,
        version=parent.version + 1 if parent else 1,
        on_trial=on_trial and parent is not None,
        active=active,
    )
    try:
        contender.full_clean()
    except ValidationError as error:
        raise Invalid(_spelled_out(error)) from error
    contender.save()
    return contender


@transaction.atomic
def settle_contender(*, contender: Contender, keep: bool) -> None:
    """End its trial: it stays in battles like any other, or is drawn for no more.

    A contender that leaves gives way to its parent, which is drawn again.
    """
    Contender.objects.filter(pk=contender.pk).update(active=keep, on_trial=False)
    if not keep and contender.parent is not None:
        Contender.objects.filter(pk=contender.parent.pk, external=False).update(active=True)
    contender.refresh_from_db()


def _free_slug(name: str) -> str:
    stem = slugify(name)[:70] or "contender"
    taken = set(Contender.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def _spelled_out(error: ValidationError) -> str:
    fields: dict[str, Any] = error.message_dict
    return " ".join(f"{field}: {' '.join(reasons)}" for field, reasons in fields.items())
