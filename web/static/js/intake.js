/* The entry page: Enter moves on, Ctrl+Enter saves and goes to the next, everything that can be told is told while typing. */
import { $, $$, ask, toast } from "./dom.js";
import { drafts } from "./intake-draft.js";
import * as form from "./intake-form.js";
import * as saved from "./intake-saved.js";
import { why } from "./texts.js";

const API = "/api/v1";
const WAIT = 150; // ms after the last key: the question must not run behind the fingers
const KEEP_SHEET = 240_000; // ms: well within the shortest lease that makes sense
const settings = JSON.parse(document.getElementById("intake").textContent);
const say = (key, more = {}) => (settings.texts[key] ?? key).replace(/%\((\w+)\)s/g, (_all, name) => more[name] ?? "");
const store = drafts(settings.user);
const state = { sheet: settings.sheet, loaded: null, before: null, accept: false, saving: false, pending: null };

/* --- drafts and what is carried over --- */

function keep() {
  if (!form.touched() && !state.pending) return store.drop();
  store.keep({ values: form.values(), sheet: state.sheet?.id ?? null, loaded: state.loaded?.id ?? null, pending: state.pending });
}

function carry() {
  for (const name of form.CARRIED) {
    const own = { collected_at: settings.today, collected_by: settings.collector }[name];
    form.put(name, state.sheet?.[name] || store.defaults()[name] || own || "");
  }
}

async function start() {
  carry();
  const kept = store.draft();
  showSheet();
  if (kept && (kept.sheet === (state.sheet?.id ?? null))) {
    state.pending = kept.pending ?? null;
    // Its fields are typed over the stored ones again: only what differs will be sent.
    if (kept.loaded) await open(kept.loaded, false);
    form.restore(kept.values);
    toast(say("restored"));
  } else if (state.sheet) {
    form.put("name", state.sheet.name);
    form.put("phone", state.sheet.phone);
  }
  check();
  form.field("name").focus();
}

function showSheet() {
  const box = $("[data-sheet]");
  box.hidden = !state.sheet;
  if (!state.sheet) return;
  $("[data-sheet-where]").textContent = state.sheet.where;
  $("[data-sheet-note]").textContent = state.sheet.note;
}

/* --- what is told while typing --- */

const refusal = (error) => settings.problems[error.code] ?? why(error);
let timer = null;
let asked = 0;

function draft() {
  const parts = ["province", "city", "district", "community", "street"];
  const known = Object.fromEntries(parts.map((name) => [name, form.text(name) || null]));
  return {
    name: form.text("name"),
    sex: form.text("sex") || null,
    birthday: form.birthday() ?? null,
    phones: ["phone", "phone2"].map(form.text).map((text) => (text.includes("*") ? "" : text)).filter(Boolean),
    id_card: form.text("id_card").includes("*") ? "" : form.text("id_card"),
    address: form.text("address"),
    parts: Object.values(known).some(Boolean) ? known : null,
    but_not: state.loaded?.id ?? null,
  };
}

function check() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const turn = ++asked;
    form.hint("birthday", form.birthday() === undefined ? say("birthday_wrong") : "", form.birthday() === undefined);
    try {
      const told = await ask(`${API}/entry-check`, { method: "POST", body: draft() });
      if (turn === asked) show(told); // a later key has asked again: this answer is old
    } catch {
      // Typing goes on without help; saving says what is wrong.
    }
  }, WAIT);
}

function show(told) {
  const typed = ["phone", "phone2"].filter((name) => form.text(name) && !form.text(name).includes("*"));
  for (const name of ["phone", "phone2"]) if (!typed.includes(name)) form.hint(name, "");
  told.phones.forEach((phone, n) => {
    const halfTyped = document.activeElement === form.field(typed[n]);
    const where = [phone.region, phone.carrier].filter(Boolean).join(" · ");
    form.hint(typed[n], phone.problem ? (halfTyped ? "" : form.inWords(phone.problem, form.text(typed[n]))) : `${phone.number}  ${where}`, Boolean(phone.problem) && !halfTyped);
  });
  showCard(told.id_card);
  if (told.address) fill({ province: told.address.province, city: told.address.city, district: told.address.district, street: told.address.rest });
  showFound(told.candidates);
}

function showCard(card) {
  const halfTyped = document.activeElement === form.field("id_card") && form.text("id_card").length < 18;
  form.hint("id_card", card?.problem ? (halfTyped ? "" : form.inWords(card.problem)) : (card?.number ?? ""), Boolean(card?.problem) && !halfTyped);
  if (!card?.birthday) return;
  fill({ sex: card.sex, ...(form.text("birthday") ? {} : { calendar: "solar", birthday: card.birthday }) });
}

/** Fills what nobody has typed himself; what was filled by us may be filled anew. */
function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    const input = form.field(name);
    const mark = input.closest("[data-field]");
    if (!value || (input.value && !mark.hasAttribute("data-filled") && name !== "calendar")) continue;
    form.put(name, value);
    mark.setAttribute("data-filled", "");
  }
}

/** Somebody whom one may not see: whose he is, and no more. */
function hidden(whose) {
  return [say("hidden"), whose?.person, whose?.department].filter(Boolean).join(" · ");
}

function showFound(found) {
  const items = found.map((one, n) => {
    const button = document.createElement("button");
    button.type = "button";
    const key = document.createElement("kbd");
    key.textContent = `Alt ${n + 1}`;
    const name = document.createElement("b");
    name.textContent = one.customer ? `${one.customer.name} ${one.customer.account_number}` : hidden(one.ask);
    const score = document.createElement("span");
    score.textContent = `${Math.round(one.score * 100)}%`;
    const reasons = document.createElement("small");
    reasons.textContent = one.reasons.map((reason) => settings.reasons[reason] ?? reason).join(" · ");
    button.append(key, name, score, reasons);
    button.disabled = !one.customer;
    button.toggleAttribute("data-strong", one.score >= 0.8);
    if (one.customer) button.dataset.open = one.customer.id;
    const item = document.createElement("li");
    item.append(button);
    return item;
  });
  $("[data-found]").replaceChildren(...items);
}

/* --- an existing customer is added to, not entered twice --- */

async function open(id, focus = true) {
  try {
    const found = await ask(`${API}/customers/${id}`);
    form.clear([]);
    form.load(found);
    Object.assign(state, { loaded: found, before: form.customer(found), accept: false });
    const banner = $("[data-known]");
    banner.hidden = false;
    $("[data-known-text]").textContent = say("opened", { name: found.name, account: found.account_number });
    $("[data-known-link]").href = `/customers/${found.id}`;
    keep();
    check();
    if (focus) form.field("phone").focus();
  } catch (error) {
    problem(refusal(error));
  }
}

function leaveKnown() {
  Object.assign(state, { loaded: null, before: null, accept: false });
  $("[data-known]").hidden = true;
  form.clear([]);
  carry();
  if (state.sheet) {
    form.put("name", state.sheet.name);
    form.put("phone", state.sheet.phone);
  }
  keep();
  check();
  form.field("name").focus();
}

/** Open form first, then the exact query: one hit is opened at once. */
async function exact() {
  const wanted = form.text("exact");
  if (!wanted) return;
  const whole = await ask(`${API}/customers/exact?q=${encodeURIComponent(wanted)}`);
  if (whole.items.length === 1) return open(whole.items[0].customer.id);
  // No whole item, or several with the same name: part of one may still lead to one customer.
  const page = await ask(`${API}/customers?limit=3&q=${encodeURIComponent(wanted)}`);
  if (page.items.length === 1) return open(page.items[0].id);
  form.hint("exact", page.items.length ? say("not_one", { count: `${page.items.length}${page.next ? "+" : ""}` }) : say("nobody"));
}

/* --- saving --- */

const problem = (text) => ($("[data-problem]").textContent = text ?? "");

/** The customer as stored; ``signed`` when the sheet is finished with it already. */
async function stored() {
  if (!state.loaded) {
    const path = state.sheet ? `registration-entries/${state.sheet.id}/customer` : "customers";
    const answer = await ask(`${API}/${path}${state.accept ? "?accept_duplicate=true" : ""}`, { method: "POST", body: given() });
    const customer = state.sheet ? { ...answer.customer, name: form.text("name") } : answer;
    return { customer, existed: false, changed: true, signed: true };
  }
  const body = form.changes(state.before, form.customer(state.loaded));
  for (const name of form.CARRIED) delete body[name]; // who collected it first stays with it
  if (!Object.keys(body).length) return { customer: state.loaded, existed: true, changed: false, signed: false };
  const headers = { "If-Match": `"${state.loaded.version}"` };
  const answer = await ask(`${API}/customers/${state.loaded.id}`, { method: "PATCH", body, headers });
  return { customer: answer, existed: true, changed: true, signed: false };
}

/** Without empty fields: what nobody said is not sent. */
function given() {
  const { address, ...body } = form.customer(null);
  const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
  const parts = filled(address);
  return Object.keys(parts).length ? { ...filled(body), address: parts } : filled(body);
}

async function save() {
  if (state.saving) return;
  problem("");
  if (!form.text("name")) return form.say({ name: say("empty") });
  if (form.birthday() === undefined) return form.say({ birthday: say("birthday_wrong") });
  state.saving = true;
  try {
    // Stored already when the browser died before the sheet was signed: then only the signature is missing.
    const done = state.pending ?? (await stored());
    const unsigned = state.sheet && !done.signed;
    state.pending = unsigned ? done : null;
    keep();
    if (unsigned) await ask(`${API}/registration-entries/${state.sheet.id}/enter`, { method: "POST", body: { customer_id: done.customer.id, existed: done.existed } });
    state.pending = null;
    store.keepDefaults(Object.fromEntries(form.CARRIED.map((name) => [name, form.text(name)])));
    store.drop();
    remember(done);
    await next();
  } catch (error) {
    refused(error);
  } finally {
    state.saving = false;
  }
}

function refused(error) {
  if (error.code === "possible_duplicate") {
    state.accept = true;
    check();
    return problem(say("duplicate"));
  }
  const left = form.say(error.errors ?? {});
  problem(error.code === "entry_taken" ? say("sheet_gone") : [refusal(error), ...left].join(" "));
}

async function next() {
  Object.assign(state, { loaded: null, before: null, accept: false });
  $("[data-known]").hidden = true;
  $("[data-found]").replaceChildren();
  if (state.sheet) return take();
  form.clear();
  form.field("name").focus();
}

/** The oldest sheet; the page is made anew around it. */
async function take() {
  const answer = await ask(`${API}/registrations/next`, { method: "POST" });
  if (answer.entry) return location.assign(`/intake/enter?entry=${answer.entry.id}`);
  toast(say("queue_empty"), "ok");
  state.sheet = null;
  history.replaceState(null, "", "/intake/enter");
  showSheet();
  form.clear();
  form.field("name").focus();
}

function remember({ customer, existed, changed }) {
  saved.add({ id: customer.id, name: customer.name, account: customer.account_number });
  const key = existed ? (changed ? "added" : "nothing_changed") : "saved";
  toast(say(key, { name: customer.name, account: customer.account_number }), "ok");
}

/* --- laying aside and refusing --- */

async function finish(what) {
  if (!state.sheet) return;
  const dialog = $("[data-reason-dialog]");
  $("[data-reason-label]").textContent = say("reason");
  const input = $("#reason-text");
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  input.focus();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes" || !input.value.trim()) return;
  try {
    await ask(`${API}/registration-entries/${state.sheet.id}/${what}`, { method: "POST", body: { reason: input.value.trim() } });
    toast(say(what === "park" ? "parked" : "rejected"), "ok");
    store.drop();
    await next();
  } catch (error) {
    problem(refusal(error));
  }
}
$("[data-reason-cancel]").addEventListener("click", () => $("[data-reason-dialog]").close());

/* --- keys --- */

const stops = () => $$("[data-in]").filter((input) => input.offsetParent !== null && !input.disabled);

function step(from, by) {
  const list = stops();
  const place = list.indexOf(from) + by;
  if (place >= list.length) return $("[data-save]").focus();
  const input = list[Math.max(0, place)];
  input.focus();
  if (input.select) input.select();
}

const ALT = {
  KeyN: () => form.field("name").focus(),
  KeyK: () => form.field("exact").focus(),
  KeyD: () => form.field("address").focus(),
  KeyO: () => $("[data-take]") && take().catch((error) => problem(refusal(error))),
  KeyP: () => finish("park"),
  KeyR: () => finish("reject"),
};

document.addEventListener("keydown", (event) => {
  if ($("dialog[open]") || event.isComposing) return; // Enter that chooses a Chinese word is not ours
  const input = event.target.closest?.("[data-in]");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    save();
  } else if (event.key === "Enter" && input && !event.altKey) {
    event.preventDefault();
    if (input.dataset.in === "exact" && input.value.trim()) exact().catch((error) => problem(refusal(error)));
    else step(input, event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape" && state.loaded) {
    event.preventDefault();
    leaveKnown();
  } else if (event.altKey && !event.ctrlKey) {
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
    const candidate = digit && $$("[data-found] button")[Number(digit) - 1];
    if (candidate?.dataset.open) open(candidate.dataset.open);
    else if (!ALT[event.code]) return;
    else ALT[event.code]();
    event.preventDefault();
  }
});

$("[data-entry]").addEventListener("submit", (event) => event.preventDefault());
$("[data-save]").addEventListener("click", save);
$("[data-take]")?.addEventListener("click", ALT.KeyO);
$("[data-park]").addEventListener("click", ALT.KeyP);
$("[data-reject]").addEventListener("click", ALT.KeyR);
$("[data-found]").addEventListener("click", (event) => {
  const id = event.target.closest("[data-open]")?.dataset.open;
  if (id) open(id);
});

$("[data-entry]").addEventListener("input", (event) => {
  event.target.closest("[data-field]")?.removeAttribute("data-filled");
  state.accept = false;
  keep();
  check();
  if (event.target.dataset.in === "province" || event.target.dataset.in === "city") offer();
});
// What is wrong with a number is said when it has been typed, not while.
$("[data-entry]").addEventListener("focusout", check);

async function offer() {
  const [province, city] = [form.text("province"), form.text("city")];
  for (const [list, query] of [["cities", { province }], ["districts", { province, city }]]) {
    const names = Object.values(query).every(Boolean) ? (await ask(`${API}/places?${new URLSearchParams(query)}`)).items : [];
    document.getElementById(list).replaceChildren(...names.map((name) => new Option(name, name)));
  }
}

setInterval(() => {
  if (state.sheet && !document.hidden)
    ask(`${API}/registration-entries/${state.sheet.id}/claim`, { method: "POST" }).catch((error) => error.status === 409 && problem(say("sheet_gone")));
}, KEEP_SHEET);
saved.show();
start();
