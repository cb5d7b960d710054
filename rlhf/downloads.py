"""Files as a download that never lies in memory as a whole, under ASGI too."""

import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.utils.http import content_disposition_header

from arena.streaming import Streamed

BLOCK = 256 * 1024
RECORD = 512  # of a tar archive


class Download(Streamed):
    """Blocks of bytes, `size` in all, as a file to keep."""

    def __init__(
        self, blocks: Iterator[bytes], *, size: int, file_name: str, content_type: str
    ) -> None:
        super().__init__(blocks, content_type=content_type)
        self["Content-Length"] = str(size)
        self["Content-Disposition"] = content_disposition_header(True, file_name) or ""


def concatenated(files: Sequence[Path]) -> Iterator[bytes]:
    """The files, one after the other."""
    for path in files:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block


def archive_size(files: Sequence[Path]) -> int:
    """Bytes of `archive`."""
    return 2 * RECORD + sum(RECORD + _padded(path.stat().st_size) for path in files)


def archive(files: Sequence[Path], folder: str) -> Iterator[bytes]:
    """The files as a tar archive with one folder."""
    for path in files:
        info = tarfile.TarInfo(f"{folder}/{path.name}")
        stat = path.stat()
        info.size, info.mtime = stat.st_size, int(stat.st_mtime)
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield from concatenated([path])
        if padding := bytes(_padded(info.size) - info.size):  # an empty block would be the end
            yield padding
    yield bytes(2 * RECORD)


def _padded(size: int) -> int:
    return -(-size // RECORD) * RECORD
