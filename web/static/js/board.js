/* The live board: tiles follow the live state; lateness is judged once a second on the server's time. */
import { everySecond, run, since } from "./clock.js";
import { $, $$, put, shape, toast } from "./dom.js";
import * as live from "./live.js";
import { agentKey, queueKey } from "./reducer.js";
import { agentState, phone, t, why, word } from "./texts.js";

const ORDER = ["ringing", "dialing", "talking", "hold", "wrap_up", "available", "paused", "offline"];
const agents = $("[data-board-agents]");
const queues = $("[data-board-queues]");
// From how many seconds on something takes too long, as the administrators have set it.
const { talking, wrapUp, queue: queueWait } = $("[data-limits]").dataset;
const LATE = { talking: Number(talking), wrap_up: Number(wrapUp), queue: Number(queueWait) };

function tile(holder, name, key, data) {
  let element = [...holder.children].find((child) => child.dataset.key === key);
  if (!element) {
    element = shape(name);
    element.dataset.key = key;
    holder.append(element);
  }
  Object.assign(element.dataset, data);
  return element;
}

/** Whom an agent talks with: the snapshot knows the number, the calls know the customer. */
function note(agent, state) {
  if (state === "paused") return agent.reason ? word("pause", agent.reason) : "";
  if (!["ringing", "dialing", "talking", "hold"].includes(state)) return "";
  const call = live.state.calls[agent.call_id ?? agent.calls?.[0]];
  const who = agent.customer ?? call?.customer?.name ?? phone(agent.number ?? call?.customer_number);
  return [who, word("queue", agent.queue ?? call?.queue)].filter(Boolean).join(" · ");
}

function drawAgent(agent) {
  const state = agentState(agent);
  const element = tile(agents, "board-agent", agentKey(agent), { state });
  const callId = agent.call_id ?? agent.calls?.[0] ?? "";
  element.toggleAttribute("data-talk", ["talking", "hold"].includes(state) && callId !== "");
  element.dataset.call = callId;
  element.style.order = String(ORDER.indexOf(state));
  element.dataset.note = note(agent, state);
  put(element, { name: agent.name || agent.extension, state: word("agent_state", state) });
  run($('[data-f="timer"]', element), agent.since);
}

function drawQueue(queue) {
  const waiting = queue.waiting ?? [];
  const oldest = waiting.map((entry) => entry.since).sort()[0];
  const element = tile(queues, "board-queue", queueKey(queue), { waiting: String(waiting.length > 0) });
  element.dataset.oldest = oldest ?? "";
  put(element, {
    name: word("queue", queue.queue),
    count: waiting.length,
    waiting: waiting.length ? t("waiting_longest") : t("nobody_waiting"),
    ready: queue.available ?? "",
  });
  run($('[data-f="longest"]', element), oldest);
}

function judge() {
  for (const element of agents.children) {
    const agent = live.state.agents[element.dataset.key];
    if (!agent) continue;
    const state = agentState(agent);
    const late = Boolean(agent.since) && since(agent.since) > (LATE[state] ?? Infinity);
    element.dataset.late = String(late);
    const why = late && state === "talking" ? t("too_long") : late ? t("wrapup_too_long") : "";
    put(element, { note: [why, element.dataset.note].filter(Boolean).join(" · ") });
  }
  for (const element of queues.children)
    element.dataset.late = String(Boolean(element.dataset.oldest) && since(element.dataset.oldest) > LATE.queue);
}

function draw(state) {
  for (const agent of Object.values(state.agents)) drawAgent(agent);
  for (const queue of Object.values(state.queues)) drawQueue(queue);
  for (const element of [...agents.children]) if (!(element.dataset.key in state.agents)) element.remove();
  for (const element of [...queues.children]) if (!(element.dataset.key in state.queues)) element.remove();
  $("[data-board-empty]").hidden = agents.children.length > 0;
  judge();
}

live.on("change", draw);
live.on("link", (link) => link === "connected" && live.subscribe("wallboard"));
everySecond(judge);

agents.addEventListener("click", async (event) => {
  const button = event.target.closest('[data-do="listen"]');
  if (!button) return;
  const element = button.closest("[data-key]");
  button.disabled = true;
  try {
    await live.command("call.listen", { call_id: element.dataset.call, mode: "listen" });
    toast(t("listening", { name: $('[data-f="name"]', element).textContent }), "ok");
  } catch (error) {
    toast(t("listen_failed", { why: why(error) }), "bad");
  }
  button.disabled = false;
});

$$("[data-fullscreen]").forEach((button) =>
  button.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen())),
);
