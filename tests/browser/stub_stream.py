"""A streamer inside the page's worker: so many packets, so fast, as no test could capture."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

SESSION = "host-1.lo.20261123215000"
_CAPTURE = {
    "task_id": "0b0e7c54-9d2b-4d0e-8b7e-6f1f1f3d9a01", "session": SESSION, "resource": "host-1",
    "service": "lo", "state": "running", "stop_reason": None, "error": None,
    "requested_by": "admin", "requested_at": "2026-11-23T21:50:00Z", "started_at": None,
    "stopped_at": None, "filter": "", "snaplen": None, "keep": False, "idle_seconds": 60,
    "limits": {"seconds": 600, "packets": None, "bytes": 1 << 30},
    "ledger": {"seen": 0, "captured": 0, "dropped_kernel": 0, "beyond_limit": 0,
               "dropped_agent": 0, "stored": 0, "blocks": 0, "bytes": 0},
}  # fmt: skip
_SCRIPT = """
const PLAN = %s, CAPTURE = %s, BATCH = 1000;
const clock = (number) => `${1795470600 + Math.floor(number / 50000)}.5`;
const rest = `"length":60,"source":"10.0.0.1:80","destination":"10.0.0.2:1234",`
  + `"protocol":"TCP","info":"80"`;
const packet = (number) => `{"number":${number},"time":"${clock(number)}",${rest}}`;
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  next = 0;
  constructor() { setTimeout(() => this.onopen()); }
  close() { this.readyState = 3; }
  send(text) {
    const { type } = JSON.parse(text);
    if (type === "session") this.say({ type, capture: CAPTURE });
    if (type === "start") {
      this.say({ type: "started", first: 0 });
      this.begun = performance.now();
      this.pump();
    }
  }
  say(message) { this.onmessage?.({ data: JSON.stringify(message) }); }
  pump() {
    const due = Math.min(PLAN.packets, (performance.now() - this.begun) / 1000 * PLAN.rate);
    const until = performance.now() + 100;
    while (this.next < due && performance.now() < until) this.batch();
    const ledger = { ...CAPTURE.ledger, captured: this.next, seen: this.next, stored: this.next };
    this.say({ type: "status", state: "running", ledger, next: this.next });
    if (this.readyState === 1) setTimeout(() => this.pump(), 20);
  }
  batch() {
    const first = this.next;
    this.next += BATCH;
    const packets = Array.from({ length: BATCH }, (_, n) => packet(first + n)).join(",");
    const span = `"first":${first},"next":${this.next}`;
    this.onmessage?.({ data: `{"type":"packets",${span},"packets":[${packets}]}` });
  }
};
"""


def stub_stream(page: Page, packets: int, rate: float) -> None:
    """Let the capture SESSION have so many packets, at so many a second."""
    script = _SCRIPT % (json.dumps({"packets": packets, "rate": rate}), json.dumps(_CAPTURE))

    def with_stub(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + script)

    ticket = {"url": "ws://stub/", "ticket": "t", "expires_at": "2026-11-23T21:55:00Z"}
    page.route("**/live/worker.js", with_stub)
    page.route("**/ticket", lambda route: route.fulfill(json=ticket))
    page.route("**/packets?*", _stored)


def _stored(route: Route) -> None:
    query = parse_qs(urlsplit(route.request.url).query)
    first, limit = int(query["from"][0]), int(query["limit"][0])
    items: list[dict[str, Any]] = [
        {"number": number, "time": "1795470600.5", "length": 60, "source": "10.0.0.1:80",
         "destination": "10.0.0.2:1234", "protocol": "TCP", "info": "80"}
        for number in range(first, first + limit)
    ]  # fmt: skip
    route.fulfill(json={"items": items, "next_cursor": str(first + limit)})
