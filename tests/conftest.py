"""Fixtures for every test: a private Redis, and users with their clients."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from hypothesis import settings

from config import redis_server

# How long an example takes says nothing about what must hold, least of all on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def redis() -> Iterator[str]:
    """A real Redis of this test process, on a socket in its home. Yields its URL."""
    server = redis_server.start(Path(os.environ["ARENA_HOME"]))
    yield os.environ["REDIS_URL"]
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(autouse=True)
def _empty_redis(redis: str) -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _token_spells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random CSRF tokens cannot spell a name or figure that a test wants absent from a page."""
    monkeypatch.setattr("django.middleware.csrf.CSRF_ALLOWED_CHARS", "QWXZqwxz")


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_user("operator", password="correct-horse", is_staff=True)


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("admin", password="correct-horse")


@pytest.fixture
def operator_client(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def superuser_client(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client
