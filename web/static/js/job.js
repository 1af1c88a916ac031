// The page of long work: fetches its progress anew until it is over.
import { markup } from "./dom.js";

const place = document.querySelector("[data-job]");
const EVERY = 1000;

async function look() {
  if (place.querySelector('[data-job-over="yes"]')) return;
  if (!document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { "HX-Request": "true" } });
      if (answer.ok) place.replaceChildren(markup(await answer.text()));
    } catch {
      // No network: what is shown stays, and the next look tells.
    }
  }
  setTimeout(look, EVERY);
}

if (place) setTimeout(look, EVERY);
