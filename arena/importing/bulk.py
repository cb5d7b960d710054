"""Many rows at once, without making a model instance of each: several times faster."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model


def insert_rows(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows in their order. `names`: every field but an automatic key, in the rows' order.

    Values are numbers, texts, UUIDs, times, choices or None, and keys for foreign keys. Model
    defaults do not apply and no signal is sent. Raises ValueError if the names are not these.
    """
    columns = {
        field.name: field.column
        for field in model._meta.concrete_fields
        if field is not model._meta.auto_field
    }
    if set(names) != columns.keys():
        raise ValueError(f"{model.__name__} has the fields {', '.join(columns)}")
    quote = connection.ops.quote_name
    into = ", ".join(quote(str(columns[name])) for name in names)
    marks = ", ".join(["%s"] * len(names))
    prepared = [[_adapted(value) for value in row] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(model._meta.db_table)} ({into}) VALUES ({marks})", prepared
        )


def renew_statistics(*models: type[Model]) -> None:
    """Let PostgreSQL look at tables that have grown; until it does, it plans for small ones."""
    if connection.vendor == "postgresql":
        tables = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in models)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {tables}")


def _adapted(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
