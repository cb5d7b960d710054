"""What lies beside the rows: manifest.json, README.md (the card), dataset_info.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rlhf.exporting.files import Export
from rlhf.exporting.formats import Format, Kind
from rlhf.exporting.splits import SPLITS, TEST_PERCENT
from rlhf.selection import Selection

MANIFEST = "manifest.json"
_IN_WORDS: dict[Kind, str] = {
    "text": "text",
    "message": "a chat message: role, content",
    "messages": "list of chat messages",
    "conversations": "list with one text, or list of chat messages, for each response",
    "bool": "true or false",
    "int": "whole number",
    "ints": "list of whole numbers",
    "float": "number",
}

_LEFT_OUT = {
    "equal": "two equal responses",
    "tools": "turns of tools",
    "parts": "images, sounds or other parts that are no text",
}


def split_rule(form: Format) -> str:
    """How a row came to its side, in words."""
    told_by = "document" if form.unit == "document" else "first prompt"
    return (
        f"SHA-256 of the {told_by} (spaces joined, case folded), first 8 bytes modulo 100 below "
        f"{TEST_PERCENT}: test"
    )


def manifest_of(
    form: Format, container: str, selection: Selection, export: Export, **more: Any
) -> dict[str, Any]:
    """All that is needed to check the files and to make them again from the same votes."""
    return {
        "format": form.name,
        "container": container,
        "selection": selection.as_dict(),
        "files": [asdict(part) for part in export.parts],
        "rows": export.rows,
        "train_rows": export.train,
        "test_rows": export.test,
        "size": export.size,
        "sha256": export.sha256,
        "split": split_rule(form),
        "counts": {"unit": form.unit, **asdict(export.counts)},
        **more,
    }


def beside(form: Format, manifest: Mapping[str, Any], title: str) -> dict[str, str]:
    """The texts of the files beside the rows, by name."""
    files = {MANIFEST: as_json(manifest), "README.md": card(form, manifest, title)}
    if info := dataset_info(form, manifest["container"], form.name.replace("-", "_")):
        files["dataset_info.json"] = as_json(info)
    return files


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def dataset_info(form: Format, container: str, stem: str) -> dict[str, Any] | None:
    """LLaMA-Factory's description of the files, an entry for each split; None if it cannot."""
    if not form.llama_factory:
        return None
    return {
        f"{stem}_{split}": {"file_name": f"{split}.{container}", **form.llama_factory}
        for split in SPLITS
    }


def card(form: Format, manifest: Mapping[str, Any], title: str) -> str:
    """The dataset card: a YAML header that the datasets library reads, and the facts in words."""
    container = manifest["container"]
    lines = [
        "---",
        f"pretty_name: {json.dumps(title)}",
        f"size_categories: [{_size_category(manifest['rows'])}]",
        "tags: [human-feedback, preferences]",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *(
            line
            for part in manifest["files"]
            for line in (
                f"  - split: {part['name'].partition('.')[0]}",
                f"    path: {part['name']}",
            )
            if part["rows"]
        ),
        "---",
        f"# {title}",
        "",
        f"{form.title}. {form.description}",
        "",
        "| file | rows | bytes | SHA-256 |",
        "|---|--:|--:|---|",
        *(
            f"| {part['name']} | {part['rows']} | {part['size']} | `{part['sha256']}` |"
            for part in manifest["files"]
        ),
        "",
        "## Columns",
        "",
        "| column | holds |",
        "|---|---|",
        *(f"| `{name}` | {_IN_WORDS[kind]} |" for name, kind in form.columns.items()),
        "",
        "## How it was made",
        "",
        *_made(manifest),
    ]
    if container == "jsonl":
        lines += ["", "One JSON object a line, UTF-8."]
    return "\n".join(lines) + "\n"


def _made(manifest: Mapping[str, Any]) -> list[str]:
    """Of what the rows were made, and how they were parted."""
    counts = manifest["counts"]
    if source := manifest.get("source"):
        read = "documents" if counts["unit"] == "document" else "rows"
        others = "".join(
            f", {counts[field]} had {what}" for field, what in _LEFT_OUT.items() if counts[field]
        )
        ties = f" Ties in {counts['ties']}." if counts["ties"] else ""
        return [
            f"From {counts['items']} {read} of {source}, of which {counts['skipped']} had no texts "
            f"that fit this format{others} and {counts['repeated']} were copies of an earlier one."
            f"{ties}",
            "",
            f"Split: {manifest['split']}.",
        ]
    lines = [
        f"From {counts['items']} {counts['unit']}s, of which {counts['skipped']} had no texts that "
        f"fit this format. Ties in {counts['ties']}, all responses bad in {counts['all_bad']}, "
        f"several turns in {counts['several_turns']}.",
        "",
        "Selection (what is not named is the default):",
        "",
        "```json",
        as_json(manifest["selection"]).strip(),
        "```",
        "",
        f"Split: {manifest['split']}. A prompt is on one side only.",
    ]
    if counts["scrubbed"] or manifest["selection"].get("scrub"):
        found = ", ".join(f"{kind} {n}" for kind, n in sorted(counts["scrubbed"].items()))
        lines += ["", f"Replaced in the texts, by pattern: {found or 'nothing was found'}."]
    return lines


def _size_category(rows: int) -> str:
    if rows < 1_000:
        return "n<1K"
    for low, high, most in (("1K", "10K", 10**4), ("10K", "100K", 10**5), ("100K", "1M", 10**6)):
        if rows < most:
            return f"{low}<n<{high}"
    return "1M<n<10M"
