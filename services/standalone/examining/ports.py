"""The four ports: free, or who answers there."""

import asyncio

import httpx2

from services.runtime.errors import BadSetting
from services.runtime.http_server import listen
from services.runtime.settings import load, variable
from services.standalone.examining.finding import Finding, fail, ok, warn
from services.standalone.services import SERVICES, Service

_PATIENCE = 3.0


async def examine() -> list[Finding]:
    """A finding for each."""
    return list(await asyncio.gather(*map(_port, SERVICES)))


async def _port(service: Service) -> Finding:
    settings = load(service.settings_class())
    name = f"{service.name}_port"
    host, port = settings.host, getattr(settings, name)
    what = f"port {port}"
    try:
        listen(host, port, variable(name)).close()
    except BadSetting as error:
        return await _taken(what, service, host, port, str(error))
    return ok(what, f"free for the {service.name}")


async def _taken(what: str, service: Service, host: str, port: int, refusal: str) -> Finding:
    answers = await _who(host, port)
    if answers == service.name:
        return ok(what, f"the {service.name} answers")
    step = f"set {variable(f'{service.name}_port')} to a free port, or end what holds it"
    if answers:
        return warn(what, f"Capflow's {answers} answers, where the {service.name} belongs", step)
    return fail(what, f"{refusal.partition(';')[0]}; what holds it is no service of ours", step)


async def _who(host: str, port: int) -> str | None:
    """The service of ours that answers there."""
    address = f"[{host}]" if ":" in host else host
    try:
        async with httpx2.AsyncClient(timeout=_PATIENCE, trust_env=False) as http:
            answer = await http.get(f"http://{address}:{port}/healthz")
            name = answer.json()["service"]
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return None
    return str(name)
