// Starts a capture: what, where, how much of it. A refusal leads to the capture that runs.
import { all } from "../gateway/lists.js";
import { html } from "../html.js";
import { FilterField, useFilterCheck } from "../parts/filterfield.js";
import { useLoaded } from "../parts/loaded.js";
import { Empty, Loading, Trouble } from "../parts/notice.js";
import { addressOf } from "../route.js";
import { useEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";
import { Limits, MIB, capsWord } from "./startlimits.js";
import { newTaskId } from "./taskid.js";

const EXAMPLES = [
  ["HTTPS", "tcp port 443"],
  ["DNS", "port 53"],
  ["One host", "host 10.0.0.1"],
  ["A network, not SSH", "net 10.0.0.0/8 and not port 22"],
  ["New TCP connections", "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"],
  ["Ping", "icmp or icmp6"],
];
const DEFAULTS = { filter: "", snaplen: "", seconds: 600, packets: "", mib: 1024, keep: false, idle: 60 };

export function StartView({ calls, news, rest: [resource, service], go }) {
  const resources = useLoaded(() => all(calls, "/v1/resources"), [calls]);
  const opened = useRef(false); // what one has typed stays, whoever goes offline meanwhile
  const { again } = resources;
  useEffect(() => news.listen({ began: again, resource: again }), [again]);
  return html`
    <section aria-labelledby="title" class="narrow">
      <h1 id="title">Start a capture</h1>
      ${content(resources, opened, (items) => html`
        <${Form} calls=${calls} go=${go} resources=${items} resource=${resource} service=${service} />`)}
    </section>`;
}

function content({ value, problem, again }, opened, draw) {
  if (value === undefined) {
    return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} what="the resources" />`;
  }
  const usable = value.filter((each) => each.online && each.services.length);
  opened.current ||= usable.length > 0;
  return opened.current ? draw(usable) : html`
    <${Empty} title="No agent is online"><p>A capture can start as soon as one is.</p><//>`;
}

function Form({ calls, go, resources, resource, service }) {
  const [asked, ask] = useState(() => ({ ...DEFAULTS, ...placeOf(resources, resource, service) }));
  const [trouble, tell] = useState(null);
  const [busy, wait] = useState(false);
  const taskId = useTaskId(asked);
  const verdict = useFilterCheck(calls, asked.filter);
  const caps = useLoaded(() => calls.get("/v1/limits"), [calls]).value?.caps;
  const change = (changes) => {
    tell(null);
    ask((now) => ({ ...now, ...changes }));
  };
  const submit = async (event) => {
    event.preventDefault();
    wait(true);
    try {
      const body = bodyOf(asked, taskId());
      const started = await calls.post("/v1/captures", body);
      go(addressOf.live(started.session, "beginning"), capsWord(body.limits, started.limits));
    } catch (problem) {
      tell(problem);
      wait(false);
    }
  };
  const wrong = (field) => trouble?.of?.(field) ?? null;
  return html`
    <form class="start" onSubmit=${submit} novalidate>
      <${Place} resources=${resources} asked=${asked} change=${change} />
      <${FilterField} id="filter" label="Capture filter" value=${asked.filter} verdict=${verdict} objection=${wrong("filter")}
        change=${(filter) => change({ filter })} placeholder="everything"
        hint="pcap-filter syntax, as in tcpdump; it narrows what the service captures. Empty: everything." />
      <${Examples} pick=${(filter) => change({ filter })} />
      <${Limits} asked=${asked} change=${change} wrong=${wrong} caps=${caps} />
      ${trouble && html`<${Refusal} problem=${trouble} />`}
      <p class="actions">
        <button class="primary" type="submit" disabled=${busy || Boolean(verdict.objection)}>${busy ? "Starting…" : "Start and watch"}</button>
      </p>
    </form>`;
}

function Place({ resources, asked, change }) {
  const found = resources.find((each) => each.resource === asked.resource);
  const services = found?.services ?? [{ service: asked.service }];
  const names = resources.map((each) => each.resource);
  const move = (resource) => change(placeOf(resources, resource, asked.service));
  return html`
    <div class="row">
      <${Select} id="resource" label="Resource" value=${asked.resource} change=${move} names=${found ? names : [asked.resource, ...names]} />
      <${Select} id="service" label="Service" value=${asked.service} change=${(service) => change({ service })}
        names=${services.map((each) => each.service)} />
    </div>
    ${!found && html`<p class="said wrong" role="status">${asked.resource} is offline now; it can start when its agent is back.</p>`}`;
}

const Select = ({ id, label, value, names, change }) => html`
  <div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${value} onChange=${(event) => change(event.target.value)}>
      ${names.map((name) => html`<option key=${name} value=${name} selected=${name === value}>${name}</option>`)}
    </select>
  </div>`;

const Examples = ({ pick }) => html`
  <div class="chips" role="group" aria-label="Examples of filters">
    ${EXAMPLES.map(([title, filter]) => html`
      <button type="button" title=${filter} onClick=${() => pick(filter)}>${title}</button>`)}
  </div>`;

function Refusal({ problem }) {
  const place = useRef();
  useEffect(() => place.current.scrollIntoView({ block: "nearest" }), [problem]);
  const runs = problem.code === "already-running" && problem.session;
  return html`<div ref=${place}>
    <${Trouble} problem=${problem}>
      ${runs && html`<p><a class="button primary" href=${addressOf.live(problem.session, "beginning")}>Watch the one that runs</a></p>`}
      ${problem.retryAfter && html`<p>Worth another try in ${problem.retryAfter} s; it will not happen twice.</p>`}
    <//></div>`;
}

/** The id of the task to ask for: the same while the same is asked, so that a retry is harmless. */
function useTaskId(asked) {
  const made = useRef({});
  return useMemo(() => () => {
    if (made.current.asked !== asked) made.current = { asked, id: newTaskId() };
    return made.current.id;
  }, [asked]);
}

function placeOf(resources, resource, service) {
  const found = resources.find((each) => each.resource === resource) ?? resources[0];
  const offered = found.services.map((each) => each.service);
  return { resource: found.resource, service: offered.includes(service) ? service : offered[0] };
}

function bodyOf(asked, taskId) {
  const number = (text) => (text === "" ? null : Number(text));
  return {
    resource: asked.resource,
    service: asked.service,
    filter: asked.filter.trim(),
    snaplen: number(asked.snaplen),
    limits: { seconds: Number(asked.seconds), packets: number(asked.packets), bytes: Math.round(asked.mib * MIB) },
    keep: asked.keep,
    idle_seconds: Number(asked.idle),
    task_id: taskId,
  };
}
