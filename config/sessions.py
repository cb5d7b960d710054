"""Sessions: of anonymous raters in their signed cookie, of those who sign in in the database."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.core import signing
from django.utils.crypto import get_random_string

from arena.selectors.raters import SESSION_KEYS

# No key in the database has a hyphen.
_SIGNED = "rater-"
_SALT = "config.sessions"


class SessionStore(db.SessionStore):
    """Django's own, in the database, but for what holds nothing except the numbers of anonymous
    raters: that is its own key, signed.

    Most visitors never sign in. Without this each leaves a row for a year, is looked up at every
    request, and waits for its row to be written when their first battle starts. Signing out must
    end a session, so those of users stay in the database.
    """

    def load(self) -> dict[str, Any]:
        if not self._is_signed():
            return super().load()
        assert self.session_key is not None
        try:
            held: dict[str, Any] = signing.loads(
                self.session_key.removeprefix(_SIGNED),
                salt=_SALT,
                max_age=settings.SESSION_COOKIE_AGE,
            )
        except signing.BadSignature:
            self._session_key = None
            return {}
        return held

    async def aload(self) -> dict[str, Any]:
        return self.load() if self._is_signed() else await super().aload()

    def save(self, must_create: bool = False) -> None:
        if not self._sign():
            super().save(must_create)

    async def asave(self, must_create: bool = False) -> None:
        if not self._sign():
            await super().asave(must_create)

    def delete(self, session_key: str | None = None) -> None:
        if not (session_key or self.session_key or "").startswith(_SIGNED):
            super().delete(session_key)

    async def adelete(self, session_key: str | None = None) -> None:
        if not (session_key or self.session_key or "").startswith(_SIGNED):
            await super().adelete(session_key)

    def _is_signed(self) -> bool:
        return self.session_key is not None and self.session_key.startswith(_SIGNED)

    def _sign(self) -> bool:
        """Whether the session could be its own key. If not, it has none that is signed."""
        if self.session_key is not None and not self._is_signed():
            return False
        held = dict(self.items())
        if held and held.keys() <= set(SESSION_KEYS.values()):
            self._session_key = _SIGNED + signing.dumps(held, salt=_SALT)
            return True
        self._session_key = None
        return False

    def _get_new_session_key(self) -> str:
        # Not looked up before it is inserted: it has 165 random bits, and an insert that meets a
        # used key is tried again with another one.
        return get_random_string(32, VALID_KEY_CHARS)
