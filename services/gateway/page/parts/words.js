// Why a capture ended, and what a gap is, in sentences.
export const REASONS = {
  requested: "somebody stopped it",
  seconds: "its time was up",
  packets: "it had all the packets it was to take",
  bytes: "it had all the bytes it was to take",
  "no-viewer": "nobody was watching any more",
  "agent-shutdown": "its agent was shut down",
  "agent-restarted": "its agent was restarted",
  "agent-lost": "its agent was not heard of any more",
  "source-ended": "its source ended",
  error: "something went wrong",
};

export const GAPS = {
  "slow-viewer": "this page could not keep up; they are stored",
  "agent-drop": "the agent had no room for them; they are lost",
  expired: "they were removed from the store",
  unknown: "nobody knows what became of them",
  "kernel-drop": "the kernel had no room for them; they are lost",
};

export const STATES = {
  requested: "Requested",
  running: "Running",
  stopping: "Stopping",
  lost: "Agent lost",
  stopped: "Stopped",
  failed: "Failed",
};

/** What a capture takes: both the service's own filter and the one asked for hold. */
export function filterOf({ service_filter, filter }) {
  const given = [service_filter, filter].filter(Boolean);
  return given.length > 1 ? given.map((each) => `(${each})`).join(" and ") : given.join("");
}

export const ended = (capture) => capture.state === "stopped" || capture.state === "failed";

export const reasonOf = (capture) =>
  capture.error?.detail ?? REASONS[capture.stop_reason] ?? capture.stop_reason ?? "";
