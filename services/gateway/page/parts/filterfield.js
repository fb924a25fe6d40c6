// A field for a filter in pcap-filter(7) syntax, checked by libpcap while one types.
import { html } from "../html.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";

const REST_MS = 250;

/** What libpcap says of `filter`: "" while unknown, "good", or its objection. */
export function useFilterCheck(calls, filter) {
  const [verdict, judge] = useState({ filter: "", objection: null, good: true });
  useEffect(() => {
    if (!filter.trim()) return judge({ filter, objection: null, good: true });
    const stale = new AbortController();
    const timer = setTimeout(async () => {
      const answer = await check(calls, filter);
      if (!stale.signal.aborted) judge({ filter, ...answer });
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stale.abort();
    };
  }, [calls, filter]);
  return verdict.filter === filter ? verdict : { filter, objection: null, good: false };
}

async function check(calls, filter) {
  try {
    await calls.post("/v1/filters/check", { filter });
    return { objection: null, good: true };
  } catch (problem) {
    const objection = problem.status === 422 ? problem.of("filter") ?? problem.message : null;
    return { objection, good: false }; // whether it is good is told again at the start
  }
}

export function FilterField({ id, label, value, change, verdict, objection, placeholder, hint }) {
  const wrong = objection ?? verdict.objection;
  const good = !wrong && verdict.good && value.trim();
  return html`
    <div class="field filter">
      <label for=${id}>${label}</label>
      <input id=${id} type="text" class="code" value=${value} maxlength="1024" placeholder=${placeholder}
        autocomplete="off" autocapitalize="off" spellcheck="false" data-good=${good ? "" : null}
        aria-invalid=${wrong ? "true" : null} aria-describedby=${`${id}-said`}
        onInput=${(event) => change(event.target.value)} />
      <p id=${`${id}-said`} class=${wrong ? "said wrong" : "said"} role="status">
        ${wrong ? `libpcap: ${wrong}` : good ? "libpcap takes this filter." : hint}
      </p>
    </div>`;
}
