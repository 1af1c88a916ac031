/* The page's view of the push connection: through the shared worker, or with a socket of its own where there is none. */
import { hear } from "./clock.js";
import { PushClient, fetchTicket } from "./push.js";
import { apply, fresh, nothing } from "./reducer.js";
import { assets, meta } from "./texts.js";

export let state = nothing();
/** Pops that came and went while nobody looked, of the last snapshot. */
export let unseen = [];
const listeners = { change: new Set(), link: new Set() };
let line = null;
let lastLink = null;
let known = false;

/** change(state, message or null for a snapshot, leader) and link(state); a late listener hears how things stand. */
export function on(kind, listener) {
  listeners[kind].add(listener);
  if (kind === "link" && lastLink) listener(lastLink);
  if (kind === "change" && known) listener(state, null, false);
}

function took(next, message, leader) {
  state = next;
  known = true;
  for (const listener of listeners.change) listener(state, message, leader);
}

function heard(data) {
  if (data.kind === "link") {
    lastLink = data.link;
    for (const listener of listeners.link) listener(data.link);
  } else if (data.kind === "snapshot") {
    hear(data.at);
    unseen = data.data.unseen ?? [];
    took(fresh(data.data, data.own), null, false);
  } else if (data.kind === "message") {
    hear(data.message.at);
    took(apply(state, data.message), data.message, data.leader);
  }
}

/** A worker's port as a line. */
function shared() {
  const worker = new SharedWorker(assets.worker, { type: "module", name: `push-${meta("user")}` });
  const waiting = new Map();
  let n = 0;
  worker.port.onmessage = ({ data }) => {
    if (data.kind !== "reply") return heard(data);
    const { resolve, reject } = waiting.get(data.n) ?? {};
    waiting.delete(data.n);
    (data.ok ? resolve : reject)?.(data.ok ? data.data : data.error);
  };
  const post = (message) => worker.port.postMessage(message);
  const join = () => post({ kind: "join", csrf: meta("csrf-token"), extension: meta("extension") || null, front: !document.hidden });
  join();
  const front = () => document.hidden || post({ kind: "front" });
  for (const name of ["visibilitychange", "focus", "online"]) window.addEventListener(name, front);
  document.addEventListener("visibilitychange", front);
  window.addEventListener("pagehide", () => post({ kind: "bye" }));
  window.addEventListener("pageshow", (event) => event.persisted && join());
  return {
    command: (type, data) =>
      new Promise((resolve, reject) => {
        waiting.set(++n, { resolve, reject });
        post({ kind: "command", n, type, data });
      }),
    subscribe: (topic) => post({ kind: "subscribe", topic }),
    ack: (seq) => post({ kind: "ack", seq }),
  };
}

/** A socket of this tab alone; a lock decides which tab rings. */
function single() {
  let leads = !navigator.locks;
  navigator.locks?.request("callcenter-ring", () => new Promise(() => (leads = true)));
  const client = new PushClient({
    ticket: () => fetchTicket(meta("csrf-token")),
    on: {
      link: (link) => heard({ kind: "link", link }),
      snapshot: ({ at, data }) => heard({ kind: "snapshot", at, own: client.watching() ? null : meta("extension") || null, data }),
      message: (message) => heard({ kind: "message", message, leader: leads }),
    },
  });
  client.start();
  const front = () => {
    if (document.hidden) return;
    client.hurry();
    client.check();
  };
  window.addEventListener("online", front);
  document.addEventListener("visibilitychange", front);
  return {
    command: (type, data) => client.command(type, data),
    subscribe: (topic) => client.subscribe(topic).catch(() => {}),
    ack: (seq) => client.ack(seq),
  };
}

export function connect() {
  if (line !== null || meta("push") !== "on") return;
  try {
    line = typeof SharedWorker === "function" ? shared() : single();
  } catch {
    line = single();
  }
}

export const command = (type, data) =>
  line === null ? Promise.reject({ code: "offline", message: "" }) : line.command(type, data);
export const subscribe = (topic) => line?.subscribe(topic);
export const ack = (seq) => line?.ack(seq);
