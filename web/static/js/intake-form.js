/* The fields of the entry page: as text on the screen, as the API wants and gives them. */
import { $, $$ } from "./dom.js";

const page = JSON.parse(document.getElementById("intake").textContent);
const PLAIN = ["name", "sex", "form_of_address", "occupation", "type", "source", "department", "best_time", "taboos", "remarks", "collected_by", "collected_at", "id_card"];
const PARTS = ["province", "city", "district", "community", "street", "postcode"];
export const CARRIED = ["collected_by", "department", "source", "collected_at"];
const NEVER_STORED = ["address", "exact"];

export const field = (name) => $(`[data-in="${CSS.escape(name)}"]`);
export const all = () => $$("[data-in]");
export const text = (name) => (field(name)?.value ?? "").trim();
const chosen = (input) => [...input.selectedOptions].map((option) => option.value).filter(Boolean);

export function put(name, value) {
  const input = field(name);
  if (!input) return;
  if (input.multiple) for (const option of input.options) option.selected = (value ?? []).includes(option.value);
  else {
    // A stored value that is no longer in the list stays what it is.
    if (input.tagName === "SELECT" && value && ![...input.options].some((option) => option.value === value))
      input.add(new Option(value, value));
    input.value = value ?? "";
  }
}

/** Everything as it stands, for the draft. */
export const values = () =>
  Object.fromEntries(all().map((input) => [input.dataset.in, input.multiple ? chosen(input) : input.value]));

export function restore(kept) {
  for (const [name, value] of Object.entries(kept)) put(name, value);
}

export function clear(keep = CARRIED) {
  for (const input of all()) if (!keep.includes(input.dataset.in)) put(input.dataset.in, input.dataset.in === "calendar" ? "solar" : "");
  say({});
}

export const touched = () => all().some((input) => ![...CARRIED, "calendar"].includes(input.dataset.in) && input.value);

/** 1953-8-15, 1953.8.15, 19530815, 1953年8月15日, 8-15, 1953: year, month, day as far as known; undefined: not a day. */
export function birthday() {
  const given = text("birthday").normalize("NFKC");
  if (!given) return null;
  const solid = /^(\d{4})(\d\d)?(\d\d)?$/.exec(given);
  const parts = solid ? solid.slice(1).filter(Boolean) : given.split(/[^\d]+/).filter(Boolean);
  if (!/^[\d\s./年月日-]+$/.test(given) || !parts.length || parts.length > 3) return undefined;
  const numbers = parts.map(Number);
  const [year, month, day] = parts[0].length === 4 ? numbers : numbers.length === 2 ? [undefined, ...numbers] : [];
  if (year === undefined && month === undefined) return undefined;
  const calendar = text("calendar");
  return { calendar: calendar === "solar" ? "solar" : "lunar", year: year ?? null, month: month ?? null, day: day ?? null, leap: calendar === "leap" };
}

const OWN = { number: Number, flag: (value) => value === "true" };

function custom() {
  const found = {};
  for (const input of $$("[data-type]")) {
    const code = input.dataset.in.slice(7);
    if (input.multiple) found[code] = chosen(input);
    else if (input.value.trim()) found[code] = (OWN[input.dataset.type] ?? String)(input.value.trim());
  }
  return found;
}

/** The customer as the API takes it; numbers beyond the two of the page stay as they were. */
export function customer(loaded) {
  const body = {};
  for (const name of PLAIN) body[name] = text(name) || null;
  body.name = text("name");
  body.birthday = birthday() ?? null;
  body.address = Object.fromEntries(PARTS.map((name) => [name, text(name) || null]));
  const more = (loaded?.phones ?? []).slice(2).map(({ number, kind }) => ({ number, kind }));
  body.phones = [...["phone", "phone2"].map(text).filter(Boolean).map((number) => ({ number })), ...more];
  const own = custom();
  if (loaded || Object.keys(own).length) body.custom = { ...(loaded?.custom ?? {}), ...own };
  return body;
}

/** Only what differs: an existing customer loses nothing that the page does not show. */
export function changes(before, after) {
  const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => !same(before[name], value)));
}

/** Shows a stored customer for adding. */
export function load(found) {
  for (const name of PLAIN) put(name, found[name] ?? "");
  for (const name of PARTS) put(name, found.address?.[name] ?? "");
  found.phones.slice(0, 2).forEach((phone, n) => put(["phone", "phone2"][n], phone.number));
  const born = found.birthday;
  put("calendar", born ? (born.leap ? "leap" : born.calendar) : "solar");
  put("birthday", born ? [born.year, born.month, born.day].filter((part) => part !== null).join("-") : "");
  for (const [code, value] of Object.entries(found.custom ?? {})) put(`custom.${code}`, typeof value === "boolean" ? String(value) : value);
  for (const name of NEVER_STORED) put(name, "");
}

const PLACES = [
  [/^phones\.0/, "phone"],
  [/^phones\.1/, "phone2"],
  [/^phones/, "phone"],
  [/^birthday|^birth_/, "birthday"],
  [/^address\.(\w+)/, null],
];

/** The API's name of a field as the page's. */
function placeOf(name) {
  for (const [form, place] of PLACES) {
    const found = form.exec(name);
    if (found) return place ?? found[1];
  }
  return name;
}

/** Puts the sentences under their fields and the cursor into the first wrong one. Answers what has no field. */
export function say(errors) {
  for (const mark of $$("[data-field][data-wrong]")) {
    mark.removeAttribute("data-wrong");
    $("[data-in]", mark).removeAttribute("aria-invalid");
  }
  const left = [];
  let first = null;
  for (const [name, sentence] of Object.entries(errors)) {
    const input = field(placeOf(name));
    if (!input) left.push(`${name}: ${sentence}`);
    else {
      first ??= input;
      hint(input.dataset.in, inWords(sentence, input.value), true);
    }
  }
  first?.focus();
  return left;
}

/** What the server says of a field, in the reader's language. */
export function inWords(sentence, typed = "") {
  if (/is not a phone number/.test(sentence)) return page.texts.no_phone.replace("%(count)s", (typed.match(/\d/g) ?? []).length);
  return page.sentences[sentence] ?? sentence;
}

/** The line under a field. */
export function hint(name, sentence, wrong = false) {
  const mark = field(name)?.closest("[data-field]");
  if (!mark) return;
  $("[data-say]", mark).textContent = sentence ?? "";
  mark.toggleAttribute("data-wrong", wrong);
  if (wrong) $("[data-in]", mark).setAttribute("aria-invalid", "true");
  else $("[data-in]", mark).removeAttribute("aria-invalid");
}
