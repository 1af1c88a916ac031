/* The right column: what the agent notes about each call. Drafts are kept in the browser until they are saved. */
import { $, ask, shape, toast } from "./dom.js";
import { t, why } from "./texts.js";

const KEY = "callcenter.draft.";
const FIELDS = ["progress", "disposition", "note", "next_at"];

export class WrapForm {
  constructor(card) {
    this.card = card;
    this.form = shape("wrap");
    // Radio buttons of two calls must not be one group.
    for (const radio of this.form.querySelectorAll('[name="progress"]')) radio.name = `progress-${card.id}`;
    this.#restore();
    this.form.addEventListener("input", () => this.#keep());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  get values() {
    const data = new FormData(this.form);
    const values = { progress: data.get(`progress-${this.card.id}`) ?? "" };
    for (const name of FIELDS.slice(1)) values[name] = (data.get(name) ?? "").trim();
    return values;
  }

  get touched() {
    return Object.values(this.values).some(Boolean);
  }

  #keep() {
    sessionStorage.setItem(KEY + this.card.id, JSON.stringify(this.values));
  }

  #restore() {
    const kept = JSON.parse(sessionStorage.getItem(KEY + this.card.id) ?? "null");
    if (!kept) return;
    for (const name of FIELDS.slice(1)) this.form.elements[name].value = kept[name] ?? "";
    const radio = kept.progress && $(`[value="${CSS.escape(kept.progress)}"][type="radio"]`, this.form);
    if (radio) radio.checked = true;
  }

  focusNote() {
    this.form.elements.note.focus();
  }

  /** Goes to the next stage each time, so that the key alone sets any of them. */
  stepProgress() {
    const radios = [...this.form.querySelectorAll('[type="radio"]')];
    const at = radios.findIndex((radio) => radio.checked);
    const next = radios[(at + 1) % radios.length];
    next.checked = true;
    next.focus();
    this.#keep();
  }

  #complain(text) {
    const error = $("[data-error]", this.form);
    error.textContent = text;
    error.hidden = !text;
  }

  async save() {
    if (!this.touched) {
      this.#complain(t("note_missing"));
      this.focusNote();
      return;
    }
    this.#complain("");
    const button = $('[type="submit"]', this.form);
    button.disabled = true;
    try {
      await ask(`/desk/calls/${this.card.id}/wrapup`, { method: "POST", body: new URLSearchParams(this.values) });
      sessionStorage.removeItem(KEY + this.card.id);
      toast(t("saved"), "ok");
      this.card.desk.saved(this.card);
    } catch (error) {
      this.#complain(t("not_saved", { why: Object.values(error.errors ?? {})[0] ?? why(error) }));
    } finally {
      button.disabled = false;
    }
  }
}
