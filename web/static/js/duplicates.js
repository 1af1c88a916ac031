// Two customers side by side, by keyboard: up and down from field to field, left and right to choose.

const form = document.querySelector("[data-merge]");
const rows = [...document.querySelectorAll("[data-choice]")].filter((row) => row.querySelector("input"));

function emphasise(row) {
  for (const input of row.querySelectorAll("input")) {
    input.nextElementSibling.classList.toggle("c-strong", input.checked);
  }
}

function focusRow(index) {
  const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
  row?.querySelector("input:checked")?.focus();
}

function onArrow(event) {
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    focusRow(here < 0 ? 0 : here + (event.key === "ArrowDown" ? 1 : -1));
  } else if (here >= 0) {
    event.preventDefault();
    const input = rows[here].querySelectorAll("input")[event.key === "ArrowRight" ? 1 : 0];
    input.checked = true;
    input.focus();
    emphasise(rows[here]);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key.startsWith("Arrow") && !event.altKey && !event.ctrlKey) onArrow(event);
  else if (event.key === "Enter" && event.ctrlKey) form.requestSubmit();
  else if (event.altKey && event.code === "KeyS") document.querySelector("[data-swap]")?.click();
  else if (event.altKey && event.code === "KeyX") document.querySelector("[data-different]")?.requestSubmit();
});

form?.addEventListener("change", (event) => emphasise(event.target.closest("[data-choice]")));
focusRow(0);
