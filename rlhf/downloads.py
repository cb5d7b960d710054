"""A file as a download that never lies in memory as a whole, under ASGI too."""

import asyncio
from collections.abc import AsyncIterator

from django.http import FileResponse

BLOCK = 256 * 1024


class Download(FileResponse):
    """A FileResponse that is read block by block; Django would read it whole under ASGI."""

    block_size = BLOCK

    async def __aiter__(self) -> AsyncIterator[bytes]:
        file = self.file_to_stream
        assert file is not None
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block
