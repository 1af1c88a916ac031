/* The page's strings in the reader's language, and the few formats that scripts need. */
const read = (id) => JSON.parse(document.getElementById(id)?.textContent || "{}");
const texts = read("texts");
export const assets = read("assets");
export const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_all, key) => values[key] ?? "");

/** A string of the catalogue: t("saved"), t("dialling", {number}). */
export const t = (key, values = {}) => fill(texts[key] ?? key, values);

/** The word for a value: word("agent_state", "paused"); unknown values are shown as they are. */
export const word = (kind, value, values = {}) => fill(texts[kind]?.[value] ?? value ?? "", values);

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** As the server writes numbers: mainland mobiles in groups, everything else as it is. */
export function phone(number) {
  const digits = (number ?? "").replace(/^\+86/, "");
  return digits.length === 11 && digits.startsWith("1")
    ? `${digits.slice(0, 3)} ${digits.slice(3, 7)} ${digits.slice(7)}`
    : (number ?? "");
}

/** The PBX's words for what a phone does, in the words of the interface. */
const SHOWN = { idle: "available", holding: "hold", dialing: "dialing" };
export const agentState = (agent) => SHOWN[agent.state] ?? agent.state;

/** Why something was refused: by its code when we have a sentence for it. */
export const why = (error) => texts.problem?.[error?.code] ?? error?.message ?? "";
