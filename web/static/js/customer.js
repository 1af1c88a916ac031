/* The customer's card: tabs by key, dialling from any number. */
import "./dial.js";
import { $ } from "./dom.js";
import { selectNth } from "./tabs.js";

// On the desk the keys belong to desk.js, which must look at the active call first.
if (!$("[data-calls]"))
  document.addEventListener("keydown", (event) => {
    const digit = event.altKey && /^Digit([1-9])$/.exec(event.code)?.[1];
    if (digit && selectNth(Number(digit))) event.preventDefault();
  });
