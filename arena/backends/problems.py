"""What is wrong with an endpoint, in words for the rater and in words for the operator."""

import re
import ssl

import aiohttp

from arena.backends.base import BackendError
from arena.models import Contender
from arena.sentences import Sentence

NOT_SET_UP = Sentence("The contender is not set up correctly.")
BROKE_OFF = Sentence("The answer broke off.")
NOT_READ = Sentence("The contender's answer could not be read.")
NOT_REACHED = Sentence("The contender could not be reached.")
BUSY = Sentence("The contender is busy. Retry in a while.")
REFUSED = Sentence("The contender's server refused to answer.")


def not_set_up(contender: Contender, problem: str) -> BackendError:
    return BackendError(NOT_SET_UP(), f"{contender.slug}: {problem}")


def broke_off(contender: Contender, detail: str) -> BackendError:
    return BackendError(BROKE_OFF(), f"{contender.slug}: {detail}")


def not_understood(contender: Contender, url: str, detail: str) -> BackendError:
    return BackendError(
        NOT_READ(),
        f"{contender.slug}: {url} does not speak the OpenAI protocol. {detail} "
        "Check the base URL; it usually ends in /v1.",
    )


def no_connection(contender: Contender, url: str, error: Exception) -> BackendError:
    return BackendError(NOT_REACHED(), f"{contender.slug}: {_why(url, error)}")


def refused(contender: Contender, url: str, status: int, complaint: str) -> BackendError:
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", complaint)).strip()[:300]
    return BackendError(
        BUSY() if status == 429 else REFUSED(),
        f"{contender.slug}: HTTP {status} from {url}. {_hint(contender, status, said)} "
        f"It said: {said or 'nothing'}",
    )


def _why(url: str, error: Exception) -> str:
    host = re.sub(r"^https?://([^/]*).*$", r"\1", url)
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"The name {host} is not known (DNS). Check the base URL."
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return f"TLS with {host} failed: {error}. Check the certificate, or http for https."
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError()):
            return f"TLS with {host} failed: {error}. Check the certificate, or http for https."
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"{host} refuses the connection. Is the server running, on that port?"
        case aiohttp.InvalidURL():
            return f"{url!r} is not a URL. Check the base URL."
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return f"{host} did not accept the connection in time. Is it reachable from here?"
        case aiohttp.ServerDisconnectedError():
            return f"{host} closed the connection without an answer. Does it speak HTTP?"
        case _:
            return f"The connection to {host} failed: {error!r}"


def _hint(contender: Contender, status: int, complaint: str) -> str:
    if status in (401, 403):
        variable = contender.api_key_env
        return (
            f"The key in {variable} is not accepted."
            if variable
            else "It wants a key: name the environment variable that holds it."
        )
    if status == 404:
        return (
            f"It does not know the model {contender.model!r}."
            if "model" in complaint.lower()
            else f"Nothing is at that address, or the model {contender.model!r} is not known. "
            "Check the base URL (it usually ends in /v1) and the model's name."
        )
    if status == 429:
        return "Too many requests, or the quota is used up."
    return "The server reports a failure of its own." if status >= 500 else "It refuses."
