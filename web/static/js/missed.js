/* The list of missed calls: "call back" dials. */
import "./dial.js";
