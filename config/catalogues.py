"""The translations of locale/, compiled for gettext without any tool of the system.

`.po` files are what people edit and git keeps. Django reads `.mo` files, which settings have
compiled here into a folder under ARENA_HOME that is named after what it was made of: a changed
catalogue gives another folder, so that nothing is ever stale.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

COMPILER = "1"  # part of the folder's name: change it when the same sources compile differently


def compiled(source: Path, target: Path) -> Path:
    """The folder below `target` with the catalogues of `source`, compiled now if need be.

    `source` holds LANGUAGE/LC_MESSAGES/django.po. Unfinished translations ("fuzzy") are left out,
    so that the English is shown. Safe when several processes start at once.
    """
    catalogues = sorted(source.glob("*/LC_MESSAGES/*.po"))
    folder = target / _fingerprint(source, catalogues)
    if folder.is_dir():
        return folder
    target.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=target, prefix="partial-"))
    try:
        for catalogue in catalogues:
            _compile(catalogue, partial / catalogue.relative_to(source).with_suffix(".mo"))
        partial.chmod(0o755)
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _fingerprint(source: Path, catalogues: list[Path]) -> str:
    digest = hashlib.sha256(COMPILER.encode())
    for catalogue in catalogues:
        digest.update(os.fsencode(catalogue.relative_to(source)) + b"\0" + catalogue.read_bytes())
    return digest.hexdigest()[:16]


def _compile(catalogue: Path, into: Path) -> None:
    # Here, because commands start faster without it when everything is compiled already.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    into.parent.mkdir(parents=True)
    with catalogue.open("rb") as file, into.open("wb") as out:
        messages = read_po(file, abort_invalid=True)
        for message in messages:
            if isinstance(message.string, tuple) and not all(message.string):
                message.string = ""  # else Babel puts English plurals under foreign rules
        write_mo(out, messages)
