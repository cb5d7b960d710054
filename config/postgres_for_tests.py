"""`python config/postgres_for_tests.py COMMAND …`: runs it with a PostgreSQL of its own.

A throw-away cluster in a temporary folder, on a Unix socket; COMMAND finds it in DATABASE_URL.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ADVICE = (
    "PostgreSQL's server programs are needed for these tests. "
    "Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql"
)


def find_programs() -> Path:
    """The folder with initdb and pg_ctl; installs Debian's package when root may."""
    if found := _programs():
        return found
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("• Installing PostgreSQL for the tests", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if found := _programs():
            return found
    raise SystemExit(ADVICE)


def _programs() -> Path | None:
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster; yields its DATABASE_URL."""
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="arena-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        as_user = _become_unprivileged(folder)
        data = folder / "data"
        # Tests may lose their data; what makes a commit durable would only slow them.
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=200"
        _run([*as_user, str(programs / "initdb"), "-D", str(data), "-U", "arena", "-A", "trust"])
        start = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
        _run([*as_user, *start, "-o", options, "start"])
        try:
            yield f"postgres://arena@{str(folder).replace('/', '%2F')}/postgres"
        finally:
            _run([*as_user, str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])


def _become_unprivileged(folder: Path) -> list[str]:
    """The words before a command that run it as somebody whom PostgreSQL accepts: not root."""
    if os.geteuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    raise SystemExit("PostgreSQL refuses to run as root, and there is no user postgres or nobody.")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd="/"
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")


def main() -> int:
    with cluster() as url:
        return subprocess.run(
            sys.argv[1:], env=os.environ | {"DATABASE_URL": url}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
