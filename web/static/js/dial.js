/* Click-to-dial from anywhere. The server knows the number, so it also works where the page shows stars. */
import { ask, toast } from "./dom.js";
import { phone, t, why } from "./texts.js";

/** what: {number} or {customer_id, phone_id} or {call_id}. Answers {call_id, number} or null. */
export async function dial(what) {
  try {
    const answer = await ask("/dial", {
      method: "POST",
      body: new URLSearchParams(what),
      headers: { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) },
    });
    toast(t("dialling", { number: phone(answer.number) }), "ok");
    return answer;
  } catch (error) {
    toast(t("dial_failed", { why: why(error) }), "bad");
    return null;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-call-back], [data-dial-customer]");
  if (!button) return;
  button.disabled = true;
  const { callBack, dialCustomer, dialPhone } = button.dataset;
  const answer = await dial(callBack ? { call_id: callBack } : { customer_id: dialCustomer, ...(dialPhone ? { phone_id: dialPhone } : {}) });
  button.disabled = false;
  if (answer) document.dispatchEvent(new CustomEvent("dialled", { detail: { ...answer, customer: dialCustomer ?? null } }));
});
