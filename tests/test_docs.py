"""Documentation keeps up: every setting and command is described."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
DOCS = OPERATIONS + "".join(p.read_text() for p in (ROOT / "docs" / "guide").glob("*.md"))
SETTINGS = (ROOT / "config" / "settings.py").read_text()
VARIABLES = sorted(set(re.findall(r'"((?:ARENA|REDIS|DATABASE)_[A-Z_]+|PORT)"', SETTINGS)))
COMMANDS = sorted(
    path.stem for path in ROOT.glob("*/management/commands/*.py") if not path.stem.startswith("_")
)


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_is_documented(variable: str) -> None:
    assert f"`{variable}`" in OPERATIONS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert command in DOCS


def test_links_between_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_tree_names_only_what_exists() -> None:
    tree = (ROOT / "README.md").read_text().split("```text")[1].split("```")[0]
    names = re.findall(r"^(?:│  |   )?[├└]─ ([\w./-]+)", tree, flags=re.MULTILINE)
    missing = [
        name for name in names if not any(ROOT.glob(name)) and not any(ROOT.glob(f"*/{name}"))
    ]
    assert names
    assert missing == []
