/* One call on the desk: its bar with the running state, and who it is. A card outlives its call until it is saved. */
import { run } from "./clock.js";
import { $, $$, ask, markup, put, setIcon, shape, toast } from "./dom.js";
import { duration, phone, t, why, word } from "./texts.js";

const LOST_FOR = 10_000;
const customerId = (customer) => (typeof customer === "object" ? customer?.id : customer) ?? null;
const customerName = (customer) => (typeof customer === "object" ? customer?.name : null) ?? "";

export class CallCard {
  constructor(id, desk) {
    this.id = id;
    this.desk = desk;
    this.pop = null;
    this.call = null;
    this.customer = null; // id of the one on show
    this.state = "ringing";
    this.tabs = null; // the customer's tabs, shown below while this card is active
    this.waitingFor = null;
    this.element = shape("call");
    this.element.dataset.callId = id;
    this.body = $('[data-f="body"]', this.element);
    this.element.addEventListener("click", (event) => this.#clicked(event));
    this.element.addEventListener("submit", (event) => this.#submitted(event));
    this.element.addEventListener("input", (event) => this.#typed(event));
  }

  /** The number as people read it, or the word for a hidden one. */
  get number() {
    const number = this.pop ? this.pop.number : this.call?.direction === "outbound" ? this.call.called_number : this.call?.caller_number;
    if (number) return phone(number);
    return this.outgoing && !this.pop ? "…" : t("hidden_number");
  }

  get who() {
    return this.name || this.number;
  }

  get ended() {
    return this.state === "ended" || this.state === "lost";
  }

  showPop(pop, at) {
    const first = this.pop === null;
    this.pop = pop;
    if (first && !this.call) this.setState("ringing", pop.at ?? at);
    if (pop.transferred_from) this.banner(t("passed_on_by", { by: pop.transferred_from_name ?? pop.transferred_from }));
    this.#drawBar();
    this.identify(pop.matches);
  }

  /** A message about the call itself; `at` is when its state began. */
  showCall(call, state, at) {
    this.call = { ...this.call, ...call };
    if (state !== this.state || !this.stateAt) this.setState(state, at);
    this.#drawBar();
    const known = customerId(call.customer);
    if (known && known !== this.customer) this.choose(known, customerName(call.customer), false);
    // The number of a call that we dial may follow a moment after the call itself.
    else if (!this.pop && this.customer === null && this.drawn !== this.number) this.identify([]);
  }

  setState(state, at) {
    this.state = state;
    this.stateAt = at ?? null;
    this.element.dataset.state = state;
    put(this.element, { state: state === "ringing" ? t(this.outgoing ? "outgoing" : "incoming") : word("call_state", state) });
    const since = state === "talking" ? (this.call?.answered_at ?? at) : at;
    const timer = $('[data-f="timer"]', this.element);
    if (state === "ended") {
      delete timer.dataset.since;
      timer.textContent = duration(this.call?.talk_seconds ?? 0);
    } else run(timer, since);
    $('[data-do="hangup"]', this.element).hidden = this.ended || state === "ringing" && !this.outgoing;
    $('[data-do="close"]', this.element).hidden = !this.ended;
    setIcon($("svg", this.element), { talking: "phone-call", held: "player-pause", ended: "phone-check", lost: "phone-x" }[state]
      ?? (this.outgoing ? "phone-outgoing" : "phone-incoming"));
  }

  get outgoing() {
    return this.call?.direction === "outbound";
  }

  #drawBar() {
    const { pop, call } = this;
    const queue = pop?.queue ?? call?.queue;
    const parts = [];
    parts.push(...[pop?.region, pop?.carrier].filter(Boolean));
    const dialled = pop?.called_number ?? (this.outgoing ? null : call?.called_number);
    if (dialled) parts.push(t("dialled", { number: dialled }));
    if (queue) parts.push(t("queue_waited", { queue: word("queue", queue), time: duration(pop?.waited_seconds ?? call?.wait_seconds ?? 0) }));
    put(this.element, { number: this.number, note: parts.join(" · ") });
    this.element.setAttribute("aria-label", `${this.who}, ${this.number}`);
  }

  banner(text) {
    const banner = $('[data-f="banner"]', this.element);
    banner.textContent = text;
    banner.hidden = !text;
  }

  /** Taken back: says why, and leaves by itself unless something was typed. */
  lose(reason, by) {
    this.setState("lost", null);
    if (this.customer === null && this.pop?.matches == null && this.pop?.number) this.#show(shape("bare"), { name: this.number });
    this.banner(word("hide_reason", reason, { by: by ?? "" }));
    setTimeout(() => this.desk.drop(this, false), LOST_FOR);
  }

  /** matches: null while they are looked up, else ranked, best first. */
  identify(matches) {
    if (this.customer !== null) return;
    this.drawn = this.number;
    const hidden = this.pop ? !this.pop.number : !this.outgoing && !this.call?.caller_number;
    if (matches == null ? !hidden : this.outgoing && !this.call.called_number) this.#show(shape("looking"), { name: this.number });
    else if (hidden) this.#show(shape("hidden"), {});
    else if (this.#internal) this.#showColleague();
    else if (matches.length === 1) this.choose(customerId(matches[0].customer), customerName(matches[0].customer), false, matches[0].reasons ?? matches[0].reason);
    else if (matches.length > 1) this.#showMatches(matches);
    else this.#showUnknown();
  }

  #show(content, values) {
    this.body.replaceChildren(content);
    put(this.body, values);
    this.#setTabs(null);
  }

  #showMatches(matches) {
    const content = shape("matches");
    const list = $('[data-f="list"]', content);
    matches.forEach((match, index) => {
      const item = shape("match");
      const name = customerName(match.customer) || customerId(match.customer);
      item.firstElementChild.dataset.customer = customerId(match.customer);
      const { place, owner, age } = match.customer ?? {};
      const more = [age ? t("years", { count: age }) : null, place, owner].filter(Boolean);
      const reasons = (match.reasons ?? [match.reason]).map((reason) => word("match_reason", reason));
      put(item, { name, face: name.slice(0, 1), reason: [...reasons, ...more].join(" · "), key: index < 9 ? `Alt ${index + 1}` : "" });
      list.append(item);
    });
    this.#show(content, {});
  }

  get #internal() {
    return (this.pop ?? this.call)?.direction === "internal";
  }

  /** A colleague is nobody's new customer. */
  #showColleague() {
    this.name = this.pop?.caller_name ?? this.number;
    this.#show(shape("bare"), { name: this.name, face: this.name.slice(0, 1), why: t("internal") });
  }

  #showUnknown() {
    this.#show(shape("unknown"), {});
    const form = $("form[data-new]", this.body);
    if (form) form.elements.number.value = this.number;
    const { region, carrier, earlier_calls: calls } = this.pop ?? {};
    const hint = [region, carrier, calls ? t("earlier_calls", { count: calls }) : null].filter(Boolean).join(" · ");
    if (hint) put(this.body, { hint });
  }

  /** Shows a customer: the name at once, everything else as soon as the server has drawn it. */
  async choose(id, name, byHand, reason) {
    this.customer = id;
    this.name = name;
    const bare = shape("bare");
    this.#show(bare, { name: name || "…", face: (name || "…").slice(0, 1), why: reason ? [reason].flat().map((r) => word("match_reason", r)).join(" · ") : "" });
    this.desk.changed(this);
    try {
      if (byHand) await ask(`/desk/calls/${this.id}/customer`, { method: "POST", body: new URLSearchParams({ customer: id }) });
      const reasons = [reason ?? []].flat().map((r) => `reason=${encodeURIComponent(r)}`);
      const others = Math.max(0, (this.pop?.matches?.length ?? 1) - 1);
      const content = markup(await ask(`/desk/calls/${this.id}/customers/${id}?others=${others}&${reasons.join("&")}`, { html: true }));
      if (this.customer !== id) return;
      this.name = $("h2", content)?.textContent ?? name;
      this.body.replaceChildren(...$('[data-part="body"]', content).children);
      this.#setTabs($('[data-part="tabs"]', content));
    } catch (error) {
      toast(t("not_saved", { why: why(error) }), "bad");
    }
    this.desk.changed(this);
  }

  #setTabs(tabs) {
    this.tabs = tabs;
    this.desk.changed(this);
  }

  /** Alt+n while several customers are offered. */
  pick(n) {
    const button = $$(".c-matches button", this.body)[n - 1];
    button?.click();
    return Boolean(button);
  }

  async #clicked(event) {
    const button = event.target.closest("[data-do]");
    if (!button) return this.desk.activate(this);
    const { do: what, customer } = button.dataset;
    if (what === "activate") this.desk.activate(this);
    else if (what === "close") this.desk.drop(this, true);
    else if (what === "hangup") this.desk.hangUp(this, button);
    else if (what === "choose") this.choose(customer, $("b", button).textContent, true, this.pop?.matches?.find((match) => customerId(match.customer) === customer)?.reasons);
    else if (what === "others") {
      this.customer = null;
      this.#showMatches(this.pop?.matches ?? []);
    }
  }

  #typed(event) {
    const form = event.target.closest("[data-find]");
    if (!form) return;
    clearTimeout(this.waitingFor);
    this.waitingFor = setTimeout(() => this.#find(form), 180);
  }

  async #find(form) {
    const q = form.elements.q.value.trim();
    const html = q.length < 2 ? "" : await ask(`/desk/find?q=${encodeURIComponent(q)}`, { html: true }).catch(() => "");
    if (form.elements.q.value.trim() === q) $("[data-found]", this.body)?.replaceChildren(markup(html));
  }

  async #submitted(event) {
    event.preventDefault();
    const form = event.target;
    if ("find" in form.dataset) return this.#find(form);
    const error = $("[data-error]", form);
    error.hidden = true;
    try {
      const made = await ask(`/desk/calls/${this.id}/new-customer`, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      this.choose(made.id, made.name, false);
    } catch (problem) {
      error.textContent = Object.values(problem.errors)[0] ?? problem.message;
      error.hidden = false;
    }
  }
}
