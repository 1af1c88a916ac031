/* A call rings: one sound and one notification, in whichever page and tab the agent is looking at. */
import * as live from "./live.js";
import * as ring from "./ring.js";
import { meta, phone, t } from "./texts.js";

const extension = meta("extension");

/** Whether a pop still rings: the call may go on at another phone while this one is silent already. */
function rings(state, pop) {
  const latest = (state.calls[pop.call_id]?.legs ?? []).filter((leg) => leg.extension === extension).at(-1);
  return !latest?.answered_at && !latest?.ended_at;
}

/** Who calls, as far as it is known when the phone begins to ring. */
function caller(pop) {
  const name = pop.matches?.length === 1 ? pop.matches[0].customer?.name : null;
  const number = pop.number ? phone(pop.number) : t("hidden_number");
  return { who: name ?? number, detail: name ? number : "" };
}

live.on("change", (state, message, leader) => {
  if (message?.type === "pop.show" && leader && !message.data.replaces) {
    const { who, detail } = caller(message.data);
    ring.ring();
    ring.announce(message.data.call_id, who, detail);
  }
  const type = message?.type;
  if (["pop.hide", "call.ended", "call.answered"].includes(type)) ring.withdraw(message.data.call_id ?? message.data.id);
  if (!Object.values(state.pops).some((pop) => rings(state, pop))) ring.silence();
});
