// Who is online, what can be captured there, and what runs.
import { all } from "../gateway/lists.js";
import { html } from "../html.js";
import { Online, State } from "../parts/badge.js";
import { ago, moment } from "../parts/format.js";
import { useLoaded, useWhileSeen } from "../parts/loaded.js";
import { Empty, Loading, Trouble } from "../parts/notice.js";
import { ended } from "../parts/words.js";
import { addressOf } from "../route.js";
import { useCallback, useEffect, useState } from "../vendor/preact-hooks.js";

const CLOCK_MS = 10000; // how long ago an agent was heard of grows without an event

export function ResourcesView({ calls, news }) {
  const resources = useLoaded(() => read(calls), [calls]);
  const { again } = resources;
  useEffect(() => news.listen({ began: again, task: again, resource: again }), [again]);
  useWhileSeen(useDrawAgain(), CLOCK_MS);
  return html`
    <section aria-labelledby="title">
      <h1 id="title">Resources</h1>
      <p class="lead">Hosts with an agent, and what can be captured on each.</p>
      ${content(resources)}
    </section>`;
}

function content({ value, problem, again }) {
  if (value === undefined) {
    return problem ? html`<${Trouble} problem=${problem} again=${again} />` : html`<${Loading} what="the resources" />`;
  }
  if (!value.length) return html`<${NoAgents} />`;
  return html`<ul class="cards">${value.map((each) => html`<${Resource} key=${each.resource} of=${each} />`)}</ul>`;
}

const NoAgents = () => html`
  <${Empty} title="No agent has been heard of yet">
    <p>Start one on a host with <code>capflow agent</code>; it appears here within seconds.</p>
  <//>`;

function Resource({ of }) {
  return html`
    <li class="card" data-offline=${of.online ? null : ""}>
      <header>
        <h2>${of.resource}</h2><${Online} online=${of.online} />
        <p class="quiet">
          ${[presence(of), of.version && `agent ${of.version}`].filter(Boolean).join(" · ")}
        </p>
      </header>
      ${of.conflict && html`<p class="said wrong">Another agent (${of.conflict.agent_id}) claims this name and is refused.</p>`}
      ${of.services.length ? html`<ul class="services">${of.services.map((each) =>
        html`<${Service} key=${each.service} resource=${of} service=${each} />`)}</ul>`
        : html`<p class="quiet">It offers nothing to capture.</p>`}
    </li>`;
}

function presence({ online, online_since, last_seen }) {
  if (!online) return `last heard of ${ago(last_seen)}`;
  return online_since && `since ${moment(online_since)}`;
}

function Service({ resource, service }) {
  const capture = resource.captures.find((each) => each.service === service.service);
  return html`
    <li>
      <div>
        <h3>${service.service}</h3>
        <p class="quiet">${describe(service)}</p>
      </div>
      ${capture ? html`<${Running} capture=${capture} />` : html`<${Startable} resource=${resource} service=${service} />`}
    </li>`;
}

function describe({ interface: name, filter, snaplen, service }) {
  const source = name.startsWith("replay:") ? `replays ${name.slice(7)}` : name === service ? "" : `on ${name}`;
  return [source, filter && `only ${filter}`, snaplen && `first ${snaplen} bytes`].filter(Boolean).join(" · ");
}

const Running = ({ capture }) => html`
  <div class="actions">
    <${State} state=${capture.state} />
    <a class="button" href=${addressOf.live(capture.session)} aria-label=${`Watch ${capture.session}`}>Watch</a>
  </div>`;

const Startable = ({ resource: { resource, online }, service: { service } }) => html`
  <div class="actions">${online ? html`
    <a class="button primary" href=${addressOf.start(resource, service)} aria-label=${`Capture ${service} on ${resource}`}>Capture</a>`
    : html`<span class="quiet">waits for its agent</span>`}
  </div>`;

function useDrawAgain() {
  const [, draw] = useState(0);
  return useCallback(() => draw((times) => times + 1), []);
}

async function read(calls) {
  const [resources, running] = await Promise.all([all(calls, "/v1/resources"), captures(calls)]);
  const of = (name) => running.filter((each) => each.resource === name && !ended(each));
  return resources.map((each) => ({ ...each, captures: of(each.resource) }));
}

async function captures(calls) {
  const lists = ["requested", "running", "stopping", "lost"].map((state) => all(calls, `/v1/captures?state=${state}`));
  return (await Promise.all(lists)).flat();
}
