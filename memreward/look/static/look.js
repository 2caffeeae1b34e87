// Keys, and a look for news. Every page works without this file.
"use strict";

const rows = () => [...document.querySelectorAll("[data-row] a[href]:not([tabindex]), [data-row] > summary")];
const POLL_MS = 4000;
const AGAIN_MS = 1000;

function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(document.activeElement);
  const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[to].focus();
  all[to].scrollIntoView({ block: "nearest" });
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
  return link !== null;
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  n: () => follow("[data-next]"),
  u: () => follow("[data-up]") || history.back(),
  w: () => follow("[data-why]"),
  r: () => location.reload(),
  "/": () => document.querySelector("[data-search]")?.focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") document.activeElement?.blur();
  if (event.target.matches("input, select, textarea")) return;
  const known = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  const view = /^[a-z]$/.test(event.key) && document.querySelector(`nav [data-key=${event.key}]`);
  const button = /^[a-z0-9]$/.test(event.key) && document.querySelector(`[data-press="${event.key}"]`);
  if (button) button.click();
  else if (known) known();
  else if (view) view.click();
  else return;
  event.preventDefault();
});

// The slider says where it is; at its end it asks for what is latest.
const slider = document.querySelector("input[name=as_of]");
if (slider) {
  slider.addEventListener("input", () => { slider.nextElementSibling.value = slider.value; });
  slider.form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === "" || (name === "as_of" && value === slider.dataset.latest)) {
        event.formData.delete(name);
      }
    }
  });
}

// Runs write on while a page is read: say so, but leave the page as it is.
const { memory, seq } = document.body.dataset;
const news = document.getElementById("news");

async function lookForNews() {
  try {
    const answer = await fetch(`/seq?${new URLSearchParams({ memory })}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const later = (await answer.json()).seq - Number(seq);
    news.hidden = later <= 0;
    news.textContent = `${later} newer ${later === 1 ? "batch" : "batches"}: r reloads`;
  } catch {
    news.hidden = false;
    news.textContent = "The memory does not answer at the moment; this page keeps trying.";
  }
}

if (memory !== undefined && seq !== undefined) setInterval(lookForNews, POLL_MS);

// A page that waits for something asks for itself, and opens again once it is there: until then
// nobody loses their place.
async function lookWhetherReady() {
  try {
    const text = await (await fetch(location.href)).text();
    const { body } = new DOMParser().parseFromString(text, "text/html");
    if (!("again" in body.dataset)) location.reload();
  } catch {
    // The server does not answer: the next time it may.
  }
}

if ("again" in document.body.dataset) setInterval(lookWhetherReady, AGAIN_MS);
