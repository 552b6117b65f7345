// Says so when the portal did not answer, takes back a tick that was not saved, brings the current tab into view on
// a telephone, and proposes the browser's time zone. Everything else works without it.
"use strict";

const asks = (event) => event.detail.requestConfig?.elt ?? event.detail.errorInfo?.requestConfig?.elt ?? event.detail.ctx?.sourceElement ?? event.detail.elt ?? event.target;
const polls = (source) => source.matches('[hx-trigger^="every"]');
const notice = () => document.getElementById("connection-lost");
const usual = notice()?.querySelector("span").textContent;

// What the portal's own page of the error says; blank where something else answered, or nothing.
function saidBy(event) {
  const page = new DOMParser().parseFromString(event.detail.xhr?.responseText ?? "", "text/html");
  return Array.from(page.querySelectorAll("#error > [data-says]"), (each) => each.textContent).join(" ");
}

function showFailure(event) {
  const source = asks(event);
  const box = source.querySelector("input[type=checkbox][data-saves]");
  if (box && source.matches("form")) box.checked = box.defaultChecked;
  if (!notice()) return;
  notice().querySelector("span").textContent = saidBy(event) || usual;
  notice().hidden = false;
  notice().dataset.polled = polls(source);
}

// A poll that goes well says nothing about a tick that was not saved.
function hideFailure(event) {
  if (notice() && (notice().dataset.polled === "true" || !polls(asks(event)))) notice().hidden = true;
}

// The names of htmx 2, then those of htmx 4.
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:response:error", "htmx:error"]) {
  document.addEventListener(name, showFailure);
}
for (const name of ["htmx:afterRequest", "htmx:after:request"]) {
  document.addEventListener(name, (event) => event.detail.successful !== false && hideFailure(event));
}

// How much of a file has arrived; what follows then is told by the bar that only moves.
document.addEventListener("htmx:xhr:progress", (event) => {
  const meter = asks(event).matches?.("[data-uploads]") && asks(event).querySelector(".upload-meter");
  const { loaded, total, lengthComputable } = event.detail;
  if (!meter || !lengthComputable) return;
  const [bar, percent] = [meter.querySelector("progress"), Math.floor((100 * loaded) / total)];
  meter.hidden = false;
  meter.querySelector("[data-uploaded]").textContent = percent < 100 ? `${percent} %` : "Looking through the file";
  if (percent < 100) bar.value = percent;
  else bar.removeAttribute("value");
});

let shownTab;
function showCurrentTab() {
  const tab = document.querySelector(".tab[aria-current]");
  if (!tab || tab === shownTab) return;
  shownTab = tab;
  const [at, bar] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
  if (at.left < bar.left || at.right > bar.right) tab.parentElement.scrollLeft += at.left + at.width / 2 - bar.left - bar.width / 2;
}

showCurrentTab();
for (const name of ["htmx:afterSettle", "htmx:after:settle"]) document.addEventListener(name, showCurrentTab);

// A choice of time zone begins with the browser's own, where nobody has chosen yet.
for (const choice of document.querySelectorAll("select[data-own-zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (choice.value === "UTC" && [...choice.options].some((option) => option.value === own)) choice.value = own;
}

document.addEventListener("click", (event) => event.target.closest?.("[data-print]") && window.print());
