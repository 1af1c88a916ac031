/* Whom the clerk has entered in this sitting: account numbers go onto the paper. */
import { $ } from "./dom.js";

const KEY = "intake-saved";
const MOST = 200;
const SHOWN = 8;
const all = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

/** line: {id, name, account}. */
export function add(line) {
  sessionStorage.setItem(KEY, JSON.stringify([line, ...all()].slice(0, MOST)));
  show();
}

export function show() {
  $("[data-saved-count]").textContent = all().length || "";
  $("[data-saved]").replaceChildren(...all().slice(0, SHOWN).map(drawn));
}

function drawn({ id, name, account }) {
  const link = document.createElement("a");
  link.href = `/customers/${id}`;
  link.textContent = name;
  const number = document.createElement("span");
  number.className = "c-num c-muted";
  number.textContent = account;
  const item = document.createElement("li");
  item.append(link, number);
  return item;
}
