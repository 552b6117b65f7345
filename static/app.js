// Says so when the portal did not answer, and takes back a tick that was not saved. Everything else works without it.
"use strict";

const lost = () => document.getElementById("connection-lost");

function showLost(event) {
  const source = event.detail.elt || event.target;
  const box = source.matches("form") ? source.querySelector("input[type=checkbox][data-saves]") : source;
  if (box && box.matches("input[type=checkbox][data-saves]")) box.checked = !box.checked;
  if (lost()) lost().hidden = false;
}

function hideLost() {
  if (lost()) lost().hidden = true;
}

// The names of htmx 2, then those of htmx 4.
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:response:error", "htmx:error"]) {
  document.addEventListener(name, showLost);
}
for (const name of ["htmx:afterSwap", "htmx:after:swap"]) {
  document.addEventListener(name, hideLost);
}
