// Server-sent events (WHATWG HTML section 9.2) over fetch: EventSource can send no headers, and
// a key does not belong into an address.
export async function* eventsOf(body) {
  let event = { name: "message", data: [] };
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (event.data.length) yield { name: event.name, data: event.data.join("\n") };
      event = { name: "message", data: [] };
    } else {
      take(event, line);
    }
  }
}

function take(event, line) {
  const colon = line.indexOf(":");
  if (colon === 0) return; // a comment: the stream lives
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  if (field === "event") event.name = value;
  if (field === "data") event.data.push(value);
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop();
      yield* lines;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
