/* What is live, as a pure fold: snapshot + messages = fresh snapshot. No DOM, no clock, no socket.
   The shapes are described in push.js. `own` is the extension of somebody who watches no board: then only calls that
   still concern that extension are kept, because nobody tells it when the others end. */

/** The key of an agent or queue: two PBXs may have the same extension. */
export const agentKey = (agent) => `${agent.pbx ?? "main"}/${agent.extension}`;
export const queueKey = (queue) => `${queue.pbx ?? "main"}/${queue.queue}`;

export const nothing = (own = null) => ({ own, calls: {}, pops: {}, agents: {}, queues: {} });

const byKey = (list, key) => Object.fromEntries((list ?? []).map((item) => [key(item), item]));

/** Whether a call is still a matter of the extension: it has a leg there that has not ended, or dialled the call. */
export function concerns(call, extension) {
  const legs = (call.legs ?? []).filter((leg) => leg.extension === extension);
  if (legs.length > 0) return legs.some((leg) => !leg.ended_at);
  return call.direction !== "inbound" && call.caller_number === extension;
}

/** The state that a snapshot's data stands for. */
export function fresh(data, own = null) {
  return {
    own,
    calls: byKey((data.calls ?? []).filter((call) => own === null || concerns(call, own)), (call) => call.id),
    pops: byKey(data.pops, (pop) => pop.call_id),
    agents: byKey(data.agents, agentKey),
    queues: byKey(data.queues, queueKey),
  };
}

function without(map, key) {
  if (!(key in map)) return map;
  const { [key]: _gone, ...rest } = map;
  return rest;
}

function callMessage(state, type, data) {
  const over = type === "call.ended" || (state.own !== null && !concerns(data, state.own));
  if (over) {
    return { ...state, calls: without(state.calls, data.id), pops: without(state.pops, data.id) };
  }
  return { ...state, calls: { ...state.calls, [data.id]: { ...state.calls[data.id], ...data } } };
}

function hidden(state, id) {
  const call = state.calls[id];
  const gone = state.own !== null && call && !(call.agents ?? []).includes(state.own);
  return { ...state, pops: without(state.pops, id), calls: gone ? without(state.calls, id) : state.calls };
}

/** Two calls were one: what was shown of the one goes on under the id that lives on. */
function merged(state, { id, into }) {
  const pop = state.pops[id];
  const pops = without(state.pops, id);
  const moved = pop && !(into in pops) ? { ...pops, [into]: { ...pop, call_id: into } } : pops;
  return { ...state, calls: without(state.calls, id), pops: moved };
}

/** The state after one message; messages that change nothing here give the same object back. */
export function apply(state, message) {
  const { type, data, at } = message;
  switch (type) {
    case "pop.show": {
      const pops = data.replaces ? without(state.pops, data.replaces) : state.pops;
      return { ...state, pops: { ...pops, [data.call_id]: { ...data, at: pops[data.call_id]?.at ?? data.at ?? at } } };
    }
    case "pop.update": {
      const pop = state.pops[data.call_id];
      return pop ? { ...state, pops: { ...state.pops, [data.call_id]: { ...pop, ...data } } } : state;
    }
    case "pop.hide":
      return hidden(state, data.call_id);
    case "call.merged":
      return merged(state, data);
    case "agent.state":
      return { ...state, agents: { ...state.agents, [agentKey(data)]: data } };
    case "queue.state":
      return { ...state, queues: { ...state.queues, [queueKey(data)]: data } };
    default:
      return type.startsWith("call.") && data?.id ? callMessage(state, type, data) : state;
  }
}

/** The way back: what a snapshot of this state would hold. */
export function snapshotOf(state) {
  return {
    calls: Object.values(state.calls),
    pops: Object.values(state.pops),
    agents: Object.values(state.agents),
    queues: Object.values(state.queues),
  };
}
