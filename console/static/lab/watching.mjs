// What the lab shows: the newest view that its one stream sent. Every part of the page is drawn from it.

import { signal } from "../shell/view.mjs";
import { follow } from "../shell/live.mjs";

/** The newest view, or null before the first. */
export const view = signal(null);

follow((sent) => sent && (view.value = sent));

/** A node of the view by its name. */
export const nodeOf = (now, name) => now.nodes.find((node) => node.name === name);

/** All lines of a store, and whether any of them is cut or loses data. */
export const linesOf = (now, store) => now.lines.filter((line) => line.dialler === store);
export const isBroken = (lines) => lines.some((line) => line.state !== "whole");

/** The lines between a region and the rest of the chain. */
export function linesOfRegion(now, region) {
  const inside = new Set(now.nodes.filter((node) => node.region === region).map((node) => node.name));
  return now.lines.filter((line) => inside.has(line.dialler) !== inside.has(line.dialled));
}

/** Nodes that a step of the story is about. */
const TOLD = {
  prepare: ["store", "hub"], cut: ["store"], order: ["hub"], sell: ["store"],
  refuse: ["hub"], heal: ["store", "hub"], settle: ["hub", "store"], equal: [],
};

/** Whether the step of the story that plays is about a node. */
export const isTold = (now, name) =>
  now.story?.state === "playing" && TOLD[now.story.step].some((role) => now.story.values[role] === name);
