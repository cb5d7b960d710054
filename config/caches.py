"""One pool of connections to the cache for the whole process."""

from threading import Lock
from typing import Any, ClassVar, Self

from redis import ConnectionPool


class SharedPool(ConnectionPool):
    """Django makes a cache for each thread, which under ASGI is each request: with a pool of its
    own each would connect anew.
    """

    _pools: ClassVar[dict[str, Any]] = {}
    _making: ClassVar[Lock] = Lock()

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        with cls._making:
            if url not in cls._pools:
                cls._pools[url] = super().from_url(url, **options)
            pool: Self = cls._pools[url]
            return pool
