/* The button that opens the browser's print dialog. */
import { $ } from "./dom.js";

$("[data-print]")?.addEventListener("click", () => window.print());
