"""The HTTP API under /api/v1/: one NinjaAPI, a router from each app, errors as JSON."""

from ninja import NinjaAPI

from arena.api import router as arena_router
from ranking.api import router as ranking_router
from rlhf.api import router as rlhf_router

api = NinjaAPI(title="Arena", version="1", urls_namespace="api")
api.add_router("", arena_router)
api.add_router("", ranking_router)
api.add_router("", rlhf_router)
