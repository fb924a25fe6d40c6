"""The right a call needs, in the signature of its route."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from contracts.rest import Role
from services.gateway.problems import Refused
from services.gateway.roles import Caller


def _needing(role: Role) -> Callable[[Request], Caller]:
    def check(request: Request) -> Caller:
        caller = getattr(request.state, "caller", None)
        if not isinstance(caller, Caller):  # a route outside what authentication guards
            raise Refused("not-authenticated", "an API key is needed")
        if not caller.role.includes(role):
            detail = f"this needs the right {role}; the API key {caller.name} has {caller.role}"
            raise Refused("forbidden", detail, right=role)
        return caller

    return check


Viewer = Annotated[Caller, Depends(_needing(Role.VIEWER))]
Operator = Annotated[Caller, Depends(_needing(Role.OPERATOR))]
Admin = Annotated[Caller, Depends(_needing(Role.ADMIN))]
