"""What the OpenAPI document needs to know of an operation beyond what the framework sees."""

from typing import Any, NamedTuple

from gateway.domain.lists import DEFAULT_LIMIT, MAX_LIMIT

Schema = dict[str, Any]


class Operation(NamedTuple):
    """What FastAPI cannot see of an operation, because the handler reads and writes the bytes itself.

    Attributes:
        status: Of the answer when all is well.
        answer: Its type; None: it has no body.
        body: Type of the request's body; None: it has none.
        parameters: Query parameters and headers.
        is_open: Needs no key.
    """

    status: int
    answer: type | None = None
    body: type | None = None
    parameters: tuple[Schema, ...] = ()
    is_open: bool = False


def query(name: str, description: str, schema: Schema) -> Schema:
    """Describe one query parameter."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


PAGE_PARAMETERS = (
    query(
        "limit", "At most so many.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    ),
    query("cursor", "next_cursor of the page before.", {"type": "string"}),
)
