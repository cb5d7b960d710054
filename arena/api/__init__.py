"""The arena part of the HTTP API."""

from arena.api.routes import router

__all__ = ["router"]
