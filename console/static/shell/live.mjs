// The live feed of the node (server-sent events): what became durable, and how old what the page shows may be.
//
// The page follows one feed for all its parts. `fetch` instead of `EventSource`, because only it sees the comments with
// which an idle feed says that it is alive, and the status of a refusal. A lost feed resumes after its last event.

import { signal } from "./view.mjs";

const RETRY_MS = [250, 500, 1_000, 2_000, 4_000];
const SILENCE_MS = 40_000; // an idle feed speaks every 15 s

/** When the feed was last heard, in ms of this machine; 0 before the first time. */
export const heardMs = signal(0);

/** Whether the feed is open now. */
export const isLive = signal(false);

/** A clock for ages on the page, in ms. */
export const nowMs = signal(Date.now());

const listeners = new Set();

/** Call `listener` with each entry. Returns the function that ends it. */
export function follow(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follow the feed until the page is left. */
export function startLive(url = "/v1/feed") {
  setInterval(() => (nowMs.value = Date.now()), 1_000);
  run(url);
}

async function run(url) {
  let last, failures = 0;
  for (;;) {
    const ending = new AbortController();
    try {
      const headers = last === undefined ? {} : { "Last-Event-ID": last };
      const response = await fetch(url, { headers, signal: ending.signal, cache: "no-store" });
      if (response.status === 410) last = undefined;
      if (!response.ok) throw new Error(`the feed answered ${response.status}`);
      for await (const event of events(response.body, ending)) {
        failures = 0;
        isLive.value = true;
        heardMs.value = Date.now();
        if (event.id !== undefined) last = event.id;
        if (event.data !== undefined) tell(event);
      }
    } catch {
      // the line is down, or the node is; both end in the next try
    }
    isLive.value = false;
    ending.abort();
    await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]));
  }
}

function tell(event) {
  const entry = event.kind === "reset" ? null : JSON.parse(event.data);
  for (const listener of listeners) listener(entry);
}

/** The events of a stream, one by one (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export async function* events(body, ending) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let silence = setTimeout(() => ending.abort(), SILENCE_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => ending.abort(), SILENCE_MS);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) yield parsed(block);
    }
  } finally {
    clearTimeout(silence);
  }
}

/** One event of its lines. A comment is an event without data. */
export function parsed(block) {
  const event = { kind: "message" };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];
    if (name === "id") event.id = value;
    else if (name === "event") event.kind = value;
    else if (name === "data") event.data = event.data === undefined ? value : `${event.data}\n${value}`;
  }
  return event;
}
