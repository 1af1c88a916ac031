/* One socket and one pop for all tabs of a browser: the tabs share this worker.
   A tab says join, visible, command, ack, subscribe, bye; it hears link, snapshot, message, reply. */
import { PushClient, fetchTicket } from "./push.js";
import { apply, fresh, nothing, snapshotOf } from "./reducer.js";

const tabs = new Map(); // port -> when it was last in front
const acknowledged = new Set();
let csrf = "";
let link = "connecting";
let own = null;
let state = nothing();
let at = null;
let client = null;

function tell(message) {
  for (const port of tabs.keys()) port.postMessage(message);
}

/** The tab that rings: the one in front most recently. */
function leader() {
  let best = null;
  for (const [port, seen] of tabs) if (best === null || seen > tabs.get(best)) best = port;
  return best;
}

const on = {
  link(now) {
    link = now;
    tell({ kind: "link", link });
  },
  snapshot(message) {
    // Whoever watches a topic of others is told of every end; whoever does not keeps only what concerns the own phone.
    state = fresh(message.data, client.watching() ? null : own);
    at = message.at;
    tell({ kind: "snapshot", at, own: state.own, data: message.data });
  },
  message(message) {
    state = apply(state, message);
    at = message.at;
    const first = leader();
    for (const port of tabs.keys()) port.postMessage({ kind: "message", message, leader: port === first });
  },
};

const handlers = {
  join(port, { csrf: token, extension, front }) {
    csrf = token;
    own = extension;
    tabs.set(port, front ? Date.now() : 0);
    if (client === null || client.stopped) {
      client = new PushClient({ ticket: () => fetchTicket(csrf), on });
      client.start();
    }
    port.postMessage({ kind: "link", link });
    if (at !== null) port.postMessage({ kind: "snapshot", at, own: state.own, data: snapshotOf(state) });
  },
  front(port) {
    tabs.set(port, Date.now());
    client?.hurry();
    client?.check();
  },
  command(port, { n, type, data }) {
    client.command(type, data).then(
      (answer) => port.postMessage({ kind: "reply", n, ok: true, data: answer }),
      (error) => port.postMessage({ kind: "reply", n, ok: false, error }),
    );
  },
  subscribe(_port, { topic }) {
    client.subscribe(topic).catch(() => {});
  },
  ack(_port, { seq }) {
    if (acknowledged.has(seq)) return;
    acknowledged.add(seq);
    if (acknowledged.size > 1000) acknowledged.delete(acknowledged.values().next().value);
    client.ack(seq);
  },
  bye(port) {
    tabs.delete(port);
    if (tabs.size === 0) {
      client?.stop();
      client = null;
      at = null;
    }
  },
};

self.onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => handlers[data.kind]?.(port, data);
};
