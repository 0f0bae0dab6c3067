// What a page remembers on this machine. A browser may forbid it; the page then works without.

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
