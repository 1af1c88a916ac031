/* The agent's desk: cards follow the live state; the keyboard reaches everything of a normal call. */
import { CallCard } from "./callcard.js";
import { run, everySecond, since } from "./clock.js";
import "./customer.js";
import { dial } from "./dial.js";
import { $, $$, put, shape, toast } from "./dom.js";
import * as live from "./live.js";
import { concerns } from "./reducer.js";
import { selectNth } from "./tabs.js";
import { agentState, duration, meta, t, why, word } from "./texts.js";
import { WrapForm } from "./wrap.js";

const KEPT = "callcenter.desk.unsaved";
const TOLD = "callcenter.desk.told";
const extension = meta("extension");
const wrapUpSeconds = Number($("[data-wrap-up-seconds]")?.dataset.wrapUpSeconds ?? 0);
let leading = false;
let asked = false;

class Desk {
  constructor() {
    this.cards = new Map();
    this.active = null;
    this.room = $("[data-calls]");
    this.tabs = $("[data-customer-tabs]");
    this.wraps = $("[data-wraps]");
    this.idle = $("[data-idle]");
    this.shownTabs = null;
  }

  card(id) {
    let card = this.cards.get(id);
    if (!card) {
      card = new CallCard(id, this);
      card.wrap = new WrapForm(card);
      this.cards.set(id, card);
      this.room.append(card.element);
      this.wraps.append(card.wrap.form);
      // A second call must not take the keyboard away from a talk in progress.
      if (!this.active || this.active.ended) this.activate(card);
      else this.#arrange();
    }
    return card;
  }

  activate(card) {
    this.active = card;
    this.#arrange();
  }

  /** Two calls turned out to be one: the card goes on under the id that lives on. */
  rename(gone, into) {
    const card = this.cards.get(gone);
    if (!card) return;
    this.cards.delete(gone);
    if (this.cards.has(into)) {
      card.element.remove();
      card.wrap.form.remove();
      if (this.active === card) this.activate(this.cards.get(into));
      return;
    }
    card.id = into;
    this.cards.set(into, card);
  }

  /** Next or previous card. */
  step(by) {
    const all = [...this.cards.values()];
    if (all.length > 1) this.activate(all[(all.indexOf(this.active) + by + all.length) % all.length]);
  }

  changed(card) {
    if (card === this.active) this.#arrange();
  }

  #arrange() {
    for (const card of this.cards.values()) {
      const on = card === this.active;
      card.element.dataset.active = String(on);
      $('[data-do="activate"]', card.element).hidden = on;
      card.wrap.form.hidden = !on;
    }
    const tabs = this.active?.tabs ?? null;
    if (tabs !== this.shownTabs) {
      this.tabs.replaceChildren(...(tabs ? [tabs] : []));
      if (tabs) globalThis.htmx?.process(tabs);
      this.shownTabs = tabs;
    }
    this.tabs.hidden = tabs === null;
    this.idle.hidden = this.cards.size > 0;
    $("[data-wrap-empty]").hidden = this.cards.size > 0;
    $("[data-wrap-who]").textContent = this.active?.who ?? "";
  }

  /** Takes a card away; one with something typed stays unless its owner closes it. */
  drop(card, wanted) {
    if (!this.cards.has(card.id) || (!wanted && card.wrap.touched)) return;
    this.cards.delete(card.id);
    card.element.remove();
    card.wrap.form.remove();
    this.#keep();
    const rest = [...this.cards.values()];
    this.active = this.active === card ? (rest.find((other) => !other.ended) ?? rest[0] ?? null) : this.active;
    this.#arrange();
  }

  saved(card) {
    document.body.dispatchEvent(new CustomEvent("saved"));
    if (!card.ended) return;
    this.drop(card, true);
    if (myState()?.state === "wrap_up" && this.cards.size === 0) setState("available");
  }

  async hangUp(card, button) {
    button.disabled = true;
    await live.command("call.hangup", { call_id: card.id }).catch((error) => toast(t("hangup_failed", { why: why(error) }), "bad"));
    button.disabled = false;
  }

  /** Calls that are over and not yet saved survive a reload. */
  #keep() {
    const list = [...this.cards.values()].filter((card) => card.state === "ended").map(({ id, call, pop, customer, name }) => ({ id, call, pop, customer, name }));
    sessionStorage.setItem(KEPT, JSON.stringify(list));
  }

  restore() {
    for (const kept of JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")) {
      const card = this.card(kept.id);
      card.pop = kept.pop;
      card.showCall({ ...kept.call, customer: kept.customer ? { id: kept.customer, name: kept.name } : null }, "ended", null);
    }
  }

  end(card, call) {
    if (call) card.call = { ...card.call, ...call };
    card.setState("ended", null);
    this.#keep();
  }

  /** Brings the cards in line with what is live. */
  follow(state, at) {
    for (const pop of Object.values(state.pops)) {
      const card = this.card(pop.call_id);
      if (card.pop !== pop) card.showPop(pop, at);
    }
    for (const call of Object.values(state.calls)) {
      const ringsHere = state.pops[call.id] && !spokeHere(call);
      const concernsMe = concerns(call, extension);
      if (!concernsMe || !(spokeHere(call) || dialledHere(call) || ringsHere)) continue;
      const card = this.card(call.id);
      // Somebody else rings, for a transfer perhaps: who spoke goes on being shown as speaking until the own end.
      const before = ["talking", "held"].includes(card.state) ? card.state : "ringing";
      const shown = ringsHere ? "ringing" : ["queued", "new", "ringing"].includes(call.state) ? before : call.state;
      card.showCall(call, shown, at);
    }
    for (const card of this.cards.values()) {
      const call = state.calls[card.id];
      const mine = (call && concerns(call, extension)) || (state.pops[card.id] && !call);
      if (!card.ended && !mine && !card.dialled) {
        if (card.call && card.state !== "ringing") this.end(card, null);
        else this.drop(card, false);
      }
    }
  }
}

const desk = new Desk();
const myState = () => Object.values(live.state.agents).find((agent) => agent.extension === extension);
const spokeHere = (call) => (call.legs ?? []).some((leg) => leg.extension === extension && leg.answered_at && !leg.ended_at);
const dialledHere = (call) => call.direction !== "inbound" && call.caller_number === extension;

const LOST = { busy: "busy", declined: "declined", no_answer: "no_answer", answered_elsewhere: "answered_elsewhere" };
/** Why the own phone rang in vain, when the end of the call is told before the end of the ring. */
const lostTo = (call) => LOST[call.legs?.findLast((leg) => leg.extension === extension)?.outcome] ?? "caller_gone";

/** What a message means for a card beyond the state that it leads to. */
function before(message) {
  const { type, data } = message;
  if (type === "pop.show" && data.replaces) desk.rename(data.replaces, data.call_id);
  else if (type === "call.merged") desk.rename(data.id, data.into);
  else if (type === "pop.hide") {
    const card = desk.cards.get(data.call_id);
    // The end of the call may have been told first, without the reason.
    if (card && ["ringing", "lost"].includes(card.state)) card.lose(data.reason, data.by_name ?? data.by);
  } else if (type === "call.ended" && desk.cards.has(data.id)) {
    const card = desk.cards.get(data.id);
    card.dialled = false;
    if (!card.ended && card.state === "ringing" && !card.outgoing && !data.agents?.includes(extension)) card.lose(lostTo(data), null);
    else if (!card.ended) desk.end(card, data);
  } else if (type.startsWith("call.") && desk.cards.has(data?.id)) desk.cards.get(data.id).dialled = false;
}

/** Time to write up, where the house gives it: one tab asks for it, for the calls of a queue. */
function giveWrapUp(message, leader) {
  const { type, data } = message;
  const talked = type === "call.ended" && data.queue && (data.agents ?? []).includes(extension);
  if (wrapUpSeconds > 0 && leader && talked && ["idle", "available", "talking", "hold"].includes(myState()?.state)) setState("wrap_up");
}
function endWrapUp() {
  const me = myState();
  if (wrapUpSeconds > 0 && leading && me?.state === "wrap_up" && me.since && since(me.since) > wrapUpSeconds && !asked) {
    asked = true;
    setState("available");
  } else if (me?.state !== "wrap_up") asked = false;
}

function drawMe() {
  const me = myState();
  if (!me) return;
  const state = agentState(me);
  for (const pill of $$("[data-my-pill]")) pill.dataset.state = state;
  const text = state === "paused" && me.reason ? `${word("agent_state", state)} · ${word("pause", me.reason)}` : word("agent_state", state);
  for (const place of $$("[data-my-state]")) place.textContent = text;
  run($("[data-my-since]"), me.since);
}

/** The own queues; how many wait is known where the gateway tells it. */
function drawQueues() {
  const holder = $("[data-queues]");
  const known = Object.values(live.state.queues);
  const names = [...new Set([...(myState()?.queues ?? []), ...known.map((queue) => queue.queue)])].sort();
  $("[data-no-queues]", holder).hidden = names.length > 0;
  for (const line of $$("[data-queue]", holder)) if (!names.includes(line.dataset.queue)) line.remove();
  for (const name of names) {
    const queue = known.find((candidate) => candidate.queue === name);
    let line = $$("[data-queue]", holder).find((candidate) => candidate.dataset.queue === name);
    if (!line) {
      line = shape("queue");
      line.dataset.queue = name;
      holder.append(line);
    }
    const waiting = queue?.waiting?.length ?? 0;
    const oldest = (queue?.waiting ?? []).map((entry) => entry.since).sort()[0];
    put(line, {
      name: word("queue", name),
      waiting: !queue ? "" : waiting ? t("waiting", { count: waiting }) : t("nobody_waiting"),
      longest: oldest ? ` · ${t("longest", { time: duration(since(oldest)) })}` : "",
      load: waiting || "",
    });
    $('[data-f="load"]', line).hidden = !waiting;
  }
}

function setState(status, reason = null) {
  live.command("agent.state", { status, reason }).catch((error) => toast(t("state_failed", { why: why(error) }), "bad"));
}

/** A call that rang while no page was open: said once, then gone. */
function missedPop(pop) {
  const told = JSON.parse(sessionStorage.getItem(TOLD) ?? "[]");
  if (told.includes(pop.call_id)) return;
  sessionStorage.setItem(TOLD, JSON.stringify([...told, pop.call_id].slice(-50)));
  const card = desk.card(pop.call_id);
  card.showPop(pop, pop.at);
  card.lose(pop.hidden?.reason, pop.hidden?.by_name ?? pop.hidden?.by);
}

live.on("change", (state, message, leader) => {
  if (message) before(message);
  else for (const pop of live.unseen) if (!desk.cards.has(pop.call_id)) missedPop(pop);
  desk.follow(state, message?.at ?? null);
  if (message?.type === "pop.show") live.ack(message.seq);
  if (message) giveWrapUp(message, leader);
  leading = leader;
  drawMe();
  drawQueues();
});
everySecond(drawQueues);
everySecond(endWrapUp);
desk.restore();

document.addEventListener("click", (event) => {
  const pause = event.target.closest?.("[data-pause]");
  if (pause) {
    setState("paused", pause.dataset.pause);
    pause.closest("details").open = false;
  } else if (event.target.closest?.("[data-available]")) setState("available");
});

function began(answer) {
  if (!answer?.call_id) return;
  const card = desk.card(answer.call_id);
  card.dialled = true;
  card.showCall({ id: answer.call_id, direction: "outbound", called_number: answer.number, customer: answer.customer ?? null }, "ringing", new Date().toISOString());
  desk.activate(card);
}
document.addEventListener("dialled", (event) => began(event.detail));
$("[data-dial]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = event.target.elements.number;
  if (!input.value.trim()) return input.focus();
  const answer = await dial({ number: input.value.trim() });
  if (answer) input.value = "";
  began(answer);
});

const keys = {
  n: () => desk.active?.wrap.focusNote(),
  p: () => desk.active?.wrap.stepProgress(),
  d: () => $("#dial")?.focus(),
  ArrowUp: () => desk.step(-1),
  ArrowDown: () => desk.step(1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "Enter") {
    event.preventDefault();
    desk.active?.wrap.save();
  } else if (event.altKey && !event.ctrlKey && !event.metaKey) {
    // With Alt some layouts send another letter; the key's place is what the label shows.
    const name = event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : event.key;
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
    if (digit ? desk.active?.pick(Number(digit)) || selectNth(Number(digit)) : keys[name]?.() !== undefined || name in keys) event.preventDefault();
  }
});
