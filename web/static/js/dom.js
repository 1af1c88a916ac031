/* Small tools for the page. Text goes in as text, never as markup; markup comes only from our own server or templates. */
import { assets, meta, t } from "./texts.js";

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A copy of <template id="shape-NAME">: its only element, or a fragment of several. */
export function shape(name) {
  const copy = document.getElementById(`shape-${name}`).content.cloneNode(true);
  // Ids in a shape serve its labels; copies must not share them.
  const mark = Math.random().toString(36).slice(2, 8);
  for (const element of copy.querySelectorAll("[id]")) element.id += mark;
  for (const label of copy.querySelectorAll("label[for]")) label.htmlFor += mark;
  return copy.childElementCount === 1 ? copy.firstElementChild : copy;
}

/** Puts text into the [data-f] places of an element. */
export function put(root, values) {
  for (const [name, value] of Object.entries(values)) {
    const place = $(`[data-f="${name}"]`, root);
    if (place && place.textContent !== String(value ?? "")) place.textContent = value ?? "";
  }
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "c-icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${assets.icons}#${name}`);
  svg.append(use);
  return svg;
}

export function setIcon(svg, name) {
  svg.querySelector("use").setAttribute("href", `${assets.icons}#${name}`);
}

/** A message in the corner that leaves by itself; errors stay longer. */
export function toast(text, tone = "info") {
  const box = document.createElement("div");
  box.className = "c-toast";
  box.dataset.tone = tone;
  box.textContent = text;
  $("[data-toasts]").append(box);
  setTimeout(() => box.remove(), tone === "bad" ? 12_000 : 5_000);
}

let running = 0;
function bar(step) {
  running += step;
  $("[data-bar]").hidden = running === 0;
}

async function problem(answer) {
  try {
    const body = await answer.json();
    return { status: answer.status, code: body.code, message: body.detail ?? body.title ?? "", errors: body.errors ?? {} };
  } catch {
    return { status: answer.status, code: "http", message: t("no_network"), errors: {} };
  }
}

/** Asks our own server. Answers the parsed JSON or the HTML text; throws {status, code, message, errors}. */
export async function ask(path, { method = "GET", body = null, html = false, headers = {} } = {}) {
  bar(1);
  try {
    const answer = await fetch(path, {
      method,
      body: body === null ? null : body instanceof URLSearchParams ? body : JSON.stringify(body),
      headers: {
        "X-CSRF-Token": meta("csrf-token"),
        "X-Requested-With": "fetch",
        Accept: html ? "text/html" : "application/json",
        ...(body !== null && !(body instanceof URLSearchParams) ? { "Content-Type": "application/json" } : {}),
        ...(html ? { "HX-Request": "true" } : {}),
        ...headers,
      },
    });
    if (!answer.ok) throw await problem(answer);
    if (answer.headers.get("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
    return html ? answer.text() : answer.status === 204 ? null : answer.json();
  } catch (error) {
    if (error instanceof TypeError) throw { status: 0, code: "network", message: t("no_network"), errors: {} };
    throw error;
  } finally {
    bar(-1);
  }
}

/** Our own server's markup as nodes, made live for htmx. */
export function markup(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

/** Asks a question in the page's own dialog. */
export function confirmed(question, yes) {
  const dialog = $("[data-confirm-dialog]");
  $("[data-confirm-question]", dialog).textContent = question;
  if (yes) $("[data-confirm-yes] span", dialog).textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}
