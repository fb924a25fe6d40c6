// What the gateway refuses (RFC 9457), and what never reached it, as one kind of error.
export class Problem extends Error {
  constructor(body, status, retryAfter = null) {
    super(body.detail || body.title || `The gateway answered ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? `http-${status}`;
    this.title = body.title ?? "The request failed";
    this.retryAfter = retryAfter;
    this.session = body.session ?? null;
    this.errors = body.errors ?? (body.field ? [{ field: body.field, detail: body.detail }] : []);
  }

  /** Whether the gateway could not be reached at all. */
  get offline() {
    return this.code === "offline";
  }

  of(field) {
    return this.errors.find((error) => error.field === field)?.detail ?? null;
  }
}

export const offline = () =>
  new Problem({ code: "offline", title: "The gateway cannot be reached",
    detail: "No answer from the gateway. It may have stopped, or the network is down." }, 0);

export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const after = Number(response.headers.get("retry-after"));
  return new Problem(body, response.status, after || null);
}
