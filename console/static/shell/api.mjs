// The JSON calls of the node that served this page. They are the only source of what a page shows.
//
// A call ends in one of three ways: an answer; a `Problem`, which is the node's definite refusal (RFC 9457); or
// `Unreached`, when nobody knows whether the node did it. A write that was not reached is sent again with its key.

import { newKey } from "./keys.mjs";
import { keep, kept } from "./memory.mjs";

export const ANSWER_MS = 15_000;

/** A refusal: `type`, `title`, `detail`, `field` and more, as the node sent it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? `HTTP ${status}`);
    this.status = status;
    this.document = document;
    this.kind = String(document.type ?? "").split(/[:/]/).at(-1);
    this.field = document.field ?? "";
  }
}

/** The node did not answer. */
export class Unreached extends Error {}

/** A path with each variable percent-encoded: path`/v1/stock/${item}`. */
export const path = (texts, ...values) =>
  texts.reduce((made, text, index) => made + encodeURIComponent(values[index - 1]) + text);

/** A path with a query. Empty fields are left out. */
export function withQuery(base, query) {
  const fields = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return fields.length ? `${base}?${new URLSearchParams(fields)}` : base;
}

/** Read. `signal` ends the call early. */
export const get = (url, { signal } = {}) => call("GET", url, undefined, {}, signal);

/** Write. `key`: the idempotency key; the same key with the same body has one effect. */
export const write = (method, url, body, key, { signal } = {}) =>
  call(method, url, body, { "Idempotency-Key": key }, signal);

/** Ask with a body, where nothing is written. */
export const ask = (url, body, { signal } = {}) => call("POST", url, body, {}, signal);

async function call(method, url, body, headers, signal) {
  const ends = AbortSignal.timeout(ANSWER_MS);
  let response, answer;
  try {
    response = await fetch(url, {
      method,
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, ends]) : ends,
      cache: "no-store",
    });
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreached(String(error));
  }
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

/**
 * One intention of the user to write. It keeps its key until the node has answered, so that a second press of a button
 * after a lost answer is a retry, not a second sale. With a name it keeps the key also while the page is loaded again.
 */
export class Intent {
  #name;
  #open; // {key, text}: what was sent and not answered yet

  constructor(name = "") {
    this.#name = name;
    this.#open = name ? kept(`intent.${name}`) : undefined;
  }

  /** Whether something was sent and nobody knows whether the node did it. */
  get isOpen() {
    return this.#open !== undefined;
  }

  /** Forget what was sent: the next press is a new intention. */
  giveUp() {
    this.#note(undefined);
  }

  /** Send; `body` may change only after an answer. A changed body is a new intention with a new key. */
  async send(method, url, body) {
    const text = JSON.stringify([method, url, body]);
    if (text !== this.#open?.text) this.#note({ key: newKey(), text });
    try {
      const answer = await write(method, url, body, this.#open.key);
      this.#note(undefined);
      return answer;
    } catch (error) {
      if (error instanceof Problem && error.status < 500) this.#note(undefined);
      throw error;
    }
  }

  #note(open) {
    this.#open = open;
    if (this.#name) keep(`intent.${this.#name}`, open);
  }
}
