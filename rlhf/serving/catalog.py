"""Which model folders under ARENA_HOME may be served, by name."""

import json
from dataclasses import dataclass
from pathlib import Path

from rlhf.serving.errors import UnknownModel


@dataclass(frozen=True)
class Entry:
    name: str
    path: Path
    created: int  # seconds since the epoch


class Catalog:
    """The causal language models in `models/*` and `runs/*/checkpoint`, read afresh at each call.

    A name is looked up in that listing and never joined to a path, so no name leads elsewhere.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def entries(self) -> list[Entry]:
        """All servable folders, those of `models/` first, each group by name."""
        found: dict[str, Entry] = {}
        for name, path in self._folders():
            if name not in found and _is_causal_model(path):
                created = int((path / "config.json").stat().st_mtime)
                found[name] = Entry(name, path, created)
        return list(found.values())

    def find(self, name: str) -> Entry:
        """The entry called `name`. Raises UnknownModel with the names there are."""
        entries = self.entries()
        for entry in entries:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in entries) or "none yet"
        raise UnknownModel(
            f"There is no model {name[:100]!r}. Models here: {names}.", param="model"
        )

    def _folders(self) -> list[tuple[str, Path]]:
        models = [(path.name, path) for path in _visible(self.home / "models")]
        runs = [(path.name, path / "checkpoint") for path in _visible(self.home / "runs")]
        return models + runs


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_causal_model(path: Path) -> bool:
    """Whether `path` holds a language model; reward models and unfinished folders do not count."""
    try:
        config = json.loads((path / "config.json").read_text())
        names = config.get("architectures") or []
        return any(name.endswith("ForCausalLM") for name in names) and any(
            path.glob("*.safetensors")
        )
    except (OSError, ValueError, AttributeError):
        return False
