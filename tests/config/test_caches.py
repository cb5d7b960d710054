"""The cache's connections."""

from concurrent.futures import ThreadPoolExecutor

from django.core.cache import cache

from config.caches import SharedPool


def test_the_threads_of_a_process_share_the_connections_to_the_cache(redis: str) -> None:
    def ask() -> object:
        cache.get("anything")
        return cache._cache.get_client("anything").connection_pool

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        pools = {one.submit(ask).result(), other.submit(ask).result()}
    assert len(pools) == 1
    assert isinstance(pools.pop(), SharedPool)
