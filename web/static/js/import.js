// The upload of a list: sent piece by piece with its progress; the server says where its columns are to be looked at.
import { $ } from "./dom.js";
import { meta, t } from "./texts.js";

const form = $("[data-upload]");

function send(onProgress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("X-CSRF-Token", meta("csrf-token"));
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.total));
    request.addEventListener("load", () => (request.status < 300 ? done : failed)(request.response ?? {}));
    request.addEventListener("error", () => failed({ detail: t("no_network") }));
    const data = new FormData();
    data.append("file", $("input[type=file]", form).files[0]);
    request.send(data);
  });
}

async function submit(event) {
  event.preventDefault();
  const bar = $("[data-sent]", form);
  const reading = $("[data-reading]", form);
  const problem = $("[data-problem]", form);
  const button = $("button[type=submit]", form);
  problem.hidden = true;
  bar.hidden = false;
  button.disabled = true;
  try {
    const answer = await send((loaded, total) => {
      bar.max = total;
      bar.value = loaded;
      reading.hidden = loaded < total;
    });
    location.assign(answer.location);
  } catch (refusal) {
    problem.textContent = refusal.detail || refusal.title || t("no_network");
    problem.hidden = false;
    button.disabled = false;
    bar.hidden = true;
    reading.hidden = true;
  }
}

form?.addEventListener("submit", submit);
