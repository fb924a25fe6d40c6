"""What requests and answers look like, for the API's description."""

from typing import Any

Json = dict[str, Any]

_TASK_ID = "6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10"
SESSION = "web-1.eth0.20261123215502"

LEDGER: Json = {
    "seen": 1204,
    "captured": 1200,
    "dropped_kernel": 4,
    "beyond_limit": 0,
    "dropped_agent": 0,
    "stored": 1200,
    "blocks": 31,
    "bytes": 911_360,
}
LIMITS: Json = {"seconds": 600, "packets": None, "bytes": 1 << 30}
TASK: Json = {
    "task_id": _TASK_ID,
    "session": SESSION,
    "resource": "web-1",
    "service": "eth0",
    "state": "stopped",
    "stop_reason": "requested",
    "error": None,
    "ledger": LEDGER,
    "requested_by": "ops",
    "requested_at": "2026-11-23T21:55:02Z",
    "started_at": "2026-11-23T21:55:02.041Z",
    "stopped_at": "2026-11-23T21:57:40.310Z",
}
CAPTURE: Json = TASK | {
    "filter": "tcp port 443",
    "snaplen": 256,
    "limits": LIMITS,
    "endpoint": {"name": "main", "type": "mongodb"},
    "keep": False,
    "idle_seconds": 60,
    "interface": "eth0",
    "linktype": 1,
    "service_filter": "",
    "service_snaplen": None,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
LIMITS_IN_FORCE: Json = {
    "default": {"seconds": 600, "packets": None, "bytes": 1 << 30},
    "caps": {"seconds": 86_400, "packets": None, "bytes": None},
}
RESOURCE: Json = {
    "resource": "web-1",
    "online": True,
    "last_seen": "2026-11-23T21:55:00.112Z",
    "online_since": "2026-11-23T20:01:00.480Z",
    "version": "0.1.0",
    "services": [{"service": "eth0", "interface": "eth0", "filter": "", "snaplen": None}],
    "running": [_TASK_ID],
    "conflict": None,
}
TICKET: Json = {
    "url": "ws://127.0.0.1:8081/v1/stream",
    "ticket": "eyJhbGciOiJIUzI1NiIs…",
    "expires_at": "2026-11-23T22:00:02Z",
}
START_ANSWER: Json = {
    "task_id": _TASK_ID,
    "session": SESSION,
    "limits": LIMITS,
    "stream": TICKET,
}
PACKET: Json = {
    "number": 0,
    "time": "1795384502.041233107",
    "length": 74,
    "source": "10.0.0.7:51034",
    "destination": "10.0.0.1:443",
    "protocol": "TCP",
    "info": "51034 → 443 [SYN] Seq=0 Win=64240",
    "data": None,
}
DETAILS: Json = {
    "session": SESSION,
    "number": 0,
    "time": "1795384502.041233107",
    "length": 42,
    "captured": 42,
    "summary": {
        "source": "10.0.0.7:51034",
        "destination": "10.0.0.1:53",
        "protocol": "UDP",
        "info": "51034 → 53 Len=0",
    },
    "data": "AgAAAAACAgAAAAABCABFAAAcAAEAAEARZsgKAAAHCgAAAcdaADUACA==",
    "layers": [
        {
            "name": "Ethernet",
            "offset": 0,
            "length": 14,
            "fields": [
                {
                    "name": "type",
                    "offset": 12,
                    "length": 2,
                    "value": 2048,
                    "shown": "IPv4",
                }
            ],
        }
    ],
    "note": None,
}
KEY: Json = {"name": "ops", "role": "operator", "created_at": "2026-11-23T21:50:00Z"}
NEW_KEY: Json = KEY | {"key": "cfk_…"}

FILTER_CHECKS: dict[str, Any] = {
    "good": {"summary": "Web traffic", "value": {"filter": "tcp port 80 or tcp port 443"}},
}
START_REQUESTS: dict[str, Any] = {
    "least": {
        "summary": "Everything the service has",
        "value": {"resource": "web-1", "service": "eth0"},
    },
    "all": {
        "summary": "Narrowed, bounded, and kept going without a viewer",
        "value": {
            "resource": "web-1",
            "service": "eth0",
            "filter": "tcp port 443",
            "snaplen": 256,
            "limits": {"seconds": 120, "packets": 10_000},
            "keep": True,
        },
    },
}
KEY_REQUESTS: dict[str, Any] = {
    "operator": {"summary": "May start and stop", "value": {"name": "ops", "role": "operator"}}
}


def page(item: Json, cursor: str | None = None) -> Json:
    """A page that holds one item."""
    return {"items": [item], "next_cursor": cursor}
