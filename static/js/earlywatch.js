/* What makes the pages smoother. Every page works without it. */
"use strict";

const $all = (selector, root = document) => [...root.querySelectorAll(selector)];

/* Say something to people who listen to the page. */
function announce(words) {
  const region = document.getElementById("live");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => { region.textContent = words; }, 50);
}

/* Copy buttons */

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Plain http on a private network has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copy refused");
}

async function onCopy(button) {
  const code = button.closest(".command").querySelector("code");
  try {
    await copyText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    announce("Could not copy. The text is selected.");
    return;
  }
  button.dataset.done = "";
  button.textContent = "Copied";
  announce("Copied to the clipboard.");
  button.focus();
  setTimeout(() => { delete button.dataset.done; button.textContent = "Copy"; }, 2000);
}

/* Relative times. Same rule as earlywatch/web/filters.py: change both. */

function duration(milliseconds) {
  const total = Math.max(0, Math.floor(milliseconds / 1000));
  const plural = (n) => (n === 1 ? "day" : "days");
  const days = Math.floor(total / 86400), hours = Math.floor(total / 3600) % 24;
  const minutes = Math.floor(total / 60) % 60, seconds = total % 60;
  if (days) return `${days} ${plural(days)}` + (hours ? ` ${hours} h` : "");
  if (hours) return `${hours} h` + (minutes ? ` ${minutes} min` : "");
  return minutes ? `${minutes} min` : `${seconds} s`;
}

function relative(then, now) {
  if (Math.abs(then - now) < 2000) return "now";
  const words = duration(Math.abs(then - now));
  return then > now ? `in ${words}` : `${words} ago`;
}

// A browser whose clock is wrong still shows the server's distances. A page out of the
// history is older than it says, so its moment tells nothing.
const fromHistory = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
const made = Date.parse(document.body?.dataset.now ?? "");
const skew = fromHistory || Number.isNaN(made) ? 0 : Date.now() - made;

function refreshTimes() {
  const now = Date.now() - skew;
  for (const time of $all("time[data-relative]")) {
    const then = Date.parse(time.dateTime);
    const words = time.dataset.relative === "for" ? `for ${duration(now - then)}` : relative(then, now);
    if (time.textContent !== words) time.textContent = words;
  }
}

/* Tabs: sections with a heading each, one shown at a time */

function makeTabs(box, number) {
  const panels = $all(":scope > section", box);
  const list = document.createElement("div");
  list.className = "tab-list";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", box.dataset.tabs);
  const tabs = panels.map((panel, index) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${number}-${index}`;
    tab.textContent = panel.querySelector("h3").textContent;
    panel.id ||= `panel-${number}-${index}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    list.append(tab);
    return tab;
  });
  const choose = (chosen) => tabs.forEach((tab, index) => {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    panels[index].hidden = tab !== chosen;
  });
  list.addEventListener("click", (event) => {
    if (tabs.includes(event.target)) choose(event.target);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
  box.prepend(list);
  box.dataset.ready = "";
  choose(tabs[0]);
}

/* Live pages: the server says "look" when a status changes, htmx fetches. Usual pings and what only
   time changes (a monitor that is due) send no event: for these, a page in sight looks every 5 s. */

const POLL_MS = 5000;
let lookSoon = 0;

function look() {
  if (lookSoon) return;
  lookSoon = setTimeout(() => { lookSoon = 0; window.htmx?.trigger(document.body, "live"); }, 250);
}

function goLive(element) {
  setInterval(() => { if (!document.hidden) look(); }, POLL_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  if (!window.EventSource) return;
  const source = new EventSource(element.dataset.live);
  source.onmessage = look;
  window.addEventListener("pagehide", () => source.close());
}

/* A refreshed part may carry the page's new title and icon: data-title, data-favicon. */
function takeOver(part) {
  const carrier = part.closest("[data-title]") ?? part.querySelector("[data-title]");
  if (!carrier) return;
  const { title, favicon } = carrier.dataset;
  const icon = document.querySelector("link[rel=icon]");
  if (favicon && icon) icon.href = icon.href.replace(/icons\/.*/, `icons/${favicon}.svg`);
  const wanted = `${title} – Earlywatch`;
  if (document.title === wanted) return;
  document.title = wanted;
  announce(title);
}

/* Keys: / searches, n adds, ? helps. Never while somebody types. */

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
  const target = {
    "/": () => document.querySelector("input[type=search]"),
    n: () => document.querySelector("[data-key-new]"),
    "?": () => document.getElementById("keys"),
  }[event.key]?.();
  if (!target) return;
  event.preventDefault();
  if (event.key === "/") target.select();
  else if (event.key === "n") target.click();
  else target.showModal();
}

function closeMenus(event) {
  for (const menu of $all("details.menu[open]")) {
    const outside = event.type === "click" && !menu.contains(event.target);
    if (event.key === "Escape") menu.querySelector("summary").focus();
    if (outside || event.key === "Escape") menu.open = false;
  }
}

/* Passwords that may be looked at while they are typed */

function makeShowable(box) {
  box.closest("label").hidden = false;
  box.addEventListener("change", () => {
    document.getElementById(box.dataset.shows).type = box.checked ? "text" : "password";
  });
}

/* Links that fill in an amount; without the script they load the page with it */

function fillIn(event, link) {
  const field = link.closest(".field").querySelector("input");
  field.value = link.dataset.fills;
  field.focus();
  event.preventDefault();
}

/* Choosing as many monitors as a plan allows; those that are not chosen may be named elsewhere */

function makeCounted(box) {
  const count = box.querySelector("output"), limit = Number(box.dataset.limit);
  const names = new Map($all("[data-monitor]").map((name) => [name.dataset.monitor, name]));
  const show = () => {
    const boxes = $all("[name=watch]", box);
    const chosen = boxes.filter((each) => each.checked).length;
    const over = chosen > limit ? `: ${chosen - limit} too many` : "";
    const left = Math.min(limit, boxes.length) - chosen;
    const rest = left > 0 ? `, ${left} left for the newest pings` : "";
    count.textContent = `${chosen} of ${limit} chosen${over}${rest}`;
    for (const each of boxes) names.get(each.value)?.toggleAttribute("hidden", each.checked);
  };
  box.addEventListener("change", show);
  show();  // a browser may remember boxes that were ticked
}

/* A link to a field that is folded away unfolds it */

function unfold(event) {
  const target = document.getElementById(event.target.closest("a[href^='#']")?.hash.slice(1));
  target?.closest("details")?.setAttribute("open", "");
}

document.addEventListener("click", (event) => {
  unfold(event);
  const button = event.target.closest("[data-copy]");
  if (button) onCopy(button);
  const filler = event.target.closest("[data-fills]");
  if (filler) fillIn(event, filler);
  closeMenus(event);
});
document.addEventListener("keydown", (event) => { closeMenus(event); onKey(event); });
document.addEventListener("htmx:load", (event) => { takeOver(event.detail.elt); refreshTimes(); });
$all("[data-tabs]").forEach(makeTabs);
$all("[data-shows]").forEach(makeShowable);
$all("[data-limit]").forEach(makeCounted);
$all("[data-live]").forEach(goLive);
document.querySelector("[data-focus]")?.focus();
setInterval(refreshTimes, 1000);
