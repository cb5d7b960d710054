"""The project's settings, in a home of their own that goes when the tests end."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_home = Path(tempfile.mkdtemp(prefix="arena-test-"))  # short: Unix socket paths have a limit
_owner = os.getpid()


@atexit.register
def _remove_home() -> None:
    if os.getpid() == _owner:
        shutil.rmtree(_home, ignore_errors=True)


os.environ["ARENA_HOME"] = str(_home)
os.environ["REDIS_URL"] = f"unix://{_home}/redis.sock"
os.environ.setdefault("ARENA_LOG_LEVEL", "WARNING")

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file, not memory: threads and servers under test need connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(_home / "test.sqlite3")}
