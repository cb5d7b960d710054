"""Responses that are made piece by piece, under ASGI too."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse


class Streamed(StreamingHttpResponse):
    """Pieces of bytes, none of them empty, each made when the one before it was sent.

    Under ASGI Django would collect an ordinary iterator whole before it sends anything. Pieces are
    made in the request's thread, where its database connection is.
    """

    def __init__(self, pieces: Iterator[bytes], *, content_type: str) -> None:
        super().__init__(pieces, content_type=content_type)
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        following = sync_to_async(lambda: next(self.pieces, b""))
        while piece := await following():
            yield piece
