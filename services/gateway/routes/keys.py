"""API keys: who may use the API, and for what."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from contracts.model import Request, Text
from contracts.names import Name
from contracts.rest import KeyInfo, KeyRequest, NewKey, Page
from services.gateway import examples
from services.gateway.gateway import Here
from services.gateway.keyring import KeyRecord, KeysFull, NameTaken
from services.gateway.openapi import answer, problems
from services.gateway.paging import DEFAULT_LIMIT, Limit, page_of
from services.gateway.problems import Refused, wrong_field
from services.gateway.rights import Admin

router = APIRouter(prefix="/v1/keys", tags=["keys"])


class KeyQuery(Request):
    """Which page."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Text | None = None


@router.get(
    "",
    summary="List the API keys",
    responses=answer(200, "By name", examples.page(examples.KEY))
    | problems("invalid-request", reads=False),
)
async def list_keys(gateway: Here, _: Admin, query: Annotated[KeyQuery, Query()]) -> Page[KeyInfo]:
    """Names and roles; the admin key of the settings is not among them."""
    known = {record.name: _info(record) for record in gateway.keyring.records}
    try:
        names, following = page_of(list(known), query.cursor, query.limit)
    except ValueError as error:
        raise wrong_field("cursor", str(error)) from None
    return Page(items=[known[name] for name in names], next_cursor=following)


@router.post(
    "",
    status_code=201,
    summary="Make an API key",
    responses=answer(201, "Made; the key is told this once", examples.NEW_KEY)
    | problems("name-taken", "too-many-keys", "invalid-request", "body-too-large", reads=False),
)
async def make_key(
    gateway: Here,
    _: Admin,
    body: Annotated[KeyRequest, Body(openapi_examples=examples.KEY_REQUESTS)],
    response: Response,
) -> NewKey:
    """A `viewer` reads captures, an `operator` also starts and stops them, an `admin` also
    deletes them and manages keys."""
    try:
        record, key = await gateway.keyring.add(body.name, body.role)
    except NameTaken:
        raise Refused("name-taken", f"there is an API key named {body.name} already") from None
    except KeysFull as error:
        raise Refused("too-many-keys", f"{error}; delete one first") from None
    response.headers["Location"] = f"/v1/keys/{record.name}"
    return NewKey(**_info(record).model_dump(), key=key)


@router.get(
    "/{name}",
    summary="Read one API key",
    responses=answer(200, "Its name and role", examples.KEY)
    | problems("unknown-key", "invalid-request", reads=False),
)
async def read_key(gateway: Here, _: Admin, name: Name) -> KeyInfo:
    """What the `Location` of a new key leads to; the key itself is kept nowhere."""
    for record in gateway.keyring.records:
        if record.name == name:
            return _info(record)
    raise _unknown(name)


@router.delete(
    "/{name}",
    status_code=204,
    response_class=Response,
    summary="Delete an API key",
    responses=answer(204, "Removed; it is refused from now on")
    | problems("unknown-key", "invalid-request", reads=False),
)
async def delete_key(gateway: Here, _: Admin, name: Name) -> None:
    """Requests with the key are refused from then on."""
    if not await gateway.keyring.remove(name):
        raise _unknown(name)


def _unknown(name: str) -> Refused:
    return Refused("unknown-key", f"there is no API key named {name}")


def _info(record: KeyRecord) -> KeyInfo:
    return KeyInfo.model_validate(record, from_attributes=True)
