"""Contenders as training sees them: those whose weights lie on this machine."""

from pathlib import Path

from django.conf import settings

from arena.models import Contender


def weights_of(contender: Contender) -> Path | None:
    """The folder with the weights that a local contender answers from, or None without one."""
    if contender.backend != "local" or contender.external:
        return None
    if not contender.model or Path(contender.model).name != contender.model:
        return None
    trained = Path(settings.RUNS_DIR) / contender.model / "checkpoint"
    shipped = Path(settings.MODELS_DIR) / contender.model
    return next((folder for folder in (trained, shipped) if folder.is_dir()), None)


def local_bases() -> list[Contender]:
    """Contenders that a training stage can start from."""
    local = Contender.objects.filter(backend="local", external=False)
    return [contender for contender in local if weights_of(contender) is not None]
