/* The scan of a stack goes up as it is, without a form around it. */
import { $, toast } from "./dom.js";
import { meta, t, why } from "./texts.js";

$("[data-scan]")?.addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  $("[data-bar]").hidden = false;
  try {
    const answer = await fetch(event.target.dataset.scan, { method: "PUT", body: file, headers: { "X-CSRF-Token": meta("csrf-token"), Accept: "application/json" } });
    if (answer.ok) return location.reload();
    toast(t("not_saved", { why: why(await answer.json().catch(() => ({}))) }), "bad");
  } catch {
    toast(t("no_network"), "bad");
  } finally {
    $("[data-bar]").hidden = true;
  }
});
