"""The private Redis: found, started, on a socket path that fits."""

import os
from pathlib import Path

import pytest

from config import redis_server


def test_it_answers_on_its_socket_once_started(tmp_path: Path) -> None:
    process = redis_server.start(tmp_path)
    try:
        assert redis_server.answers(tmp_path)
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert not redis_server.answers(tmp_path)


def test_a_socket_left_by_a_killed_one_does_not_matter(tmp_path: Path) -> None:
    first = redis_server.start(tmp_path)
    first.kill()
    first.wait()
    second = redis_server.start(tmp_path)
    second.terminate()
    assert second.wait(timeout=10) == 0


def test_a_long_home_gets_a_short_private_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 30)
    home.mkdir()
    path = redis_server.socket_path(home)
    assert len(os.fsencode(path)) <= redis_server.SOCKET_PATH_MAX_BYTES
    process = redis_server.start(home)
    try:
        assert path.parent.stat().st_mode & 0o077 == 0
        assert redis_server.url(home) == f"unix://{path}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        path.parent.rmdir()


def test_two_homes_never_share_a_socket(tmp_path: Path) -> None:
    one, two = (tmp_path / (letter * 120) for letter in "ab")
    assert redis_server.socket_path(one) != redis_server.socket_path(two)


def test_a_folder_that_others_may_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    home = tmp_path / ("open" * 30)
    home.mkdir()
    folder = redis_server.socket_path(home).parent
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    try:
        with pytest.raises(redis_server.RedisError, match="open to others"):
            redis_server.command(home)
    finally:
        folder.rmdir()


def test_a_redis_on_the_path_comes_first_then_valkey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("valkey-server", "redis-server"):
        file = tmp_path / name
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert redis_server.binary() == file


def test_without_any_redis_the_package_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(redis_server.RedisError, match="apt-get install redis-server"):
        redis_server.binary()
