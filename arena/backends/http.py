"""One HTTP session per event loop: connections to the endpoints are kept and used again."""

import asyncio
from weakref import WeakKeyDictionary

import aiohttp

CONNECT_TIMEOUT_S = 10.0

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


def session() -> aiohttp.ClientSession:
    """This loop's session. It follows no proxy variables and keeps no cookies."""
    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        found = aiohttp.ClientSession(
            # No limit: a stream holds its connection for as long as it lasts.
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        _sessions[loop] = found
    return found


async def close_session() -> None:
    """Closes this loop's session, if there is one."""
    found = _sessions.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()
