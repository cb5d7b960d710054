"""For the admin's pages of what only the arena itself writes."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Mixin of model and inline admins. To delete a row would leave others, such as ratings,
    without what they rest on."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
