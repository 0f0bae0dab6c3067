// What a page remembers: on this machine for ever, or in this window until it is closed. A browser may forbid it; the
// page then works without.

/** The remembered text, or undefined. */
export function remembered(name) {
  try {
    return localStorage.getItem(`shelfsync.${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Remember a text. */
export function remember(name, text) {
  try {
    localStorage.setItem(`shelfsync.${name}`, text);
  } catch {
    // private windows and full disks: nothing that a page remembers is needed
  }
}

/** What this window remembers: a value that JSON can carry, or undefined. */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`shelfsync.${name}`) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keep a value in this window, also while it is loaded again. Undefined forgets it. */
export function keep(name, value) {
  try {
    if (value === undefined) sessionStorage.removeItem(`shelfsync.${name}`);
    else sessionStorage.setItem(`shelfsync.${name}`, JSON.stringify(value));
  } catch {
    // as above
  }
}
