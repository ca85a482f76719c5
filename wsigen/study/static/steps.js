// A reader's steps: consent, every change of the slider, submit. Each is sent until the server has it.

import { openViewers } from "./viewer.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
const SETTLED_MS = 250; // a slider that has rested so long has been set
const form = document.querySelector("#consent, #rating");
const status = form.querySelector(".status");
const button = form.querySelector("button.main");
let serial = Number(form.dataset.serial);
let queue = Promise.resolve();

// Steps go one after the other, each with the serial that the answer to the one before gave.
function send(step) {
  queue = queue.then(() => deliver(step));
  return queue;
}

async function deliver(step) {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const answer = await fetch(form.dataset.steps, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...step, serial }),
      signal: AbortSignal.timeout(10000),
    }).catch(() => null);
    const found = await answer?.json().catch(() => null);
    if (answer?.ok && found) {
      serial = found.serial;
      status.textContent = "Saved";
      return;
    }
    if (answer?.status === 409) {
      // The server has this step already, or another screen went on: show where things stand.
      location.reload();
      return new Promise(() => {});
    }
    if (answer && answer.status < 500) {
      status.textContent = `Not saved: ${found?.error ?? answer.statusText}. Reload this page, or ask your contact.`;
      return new Promise(() => {});
    }
    status.textContent = "Not saved yet: the server does not answer. Keep this page open, it tries again.";
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function finish(step) {
  button.disabled = true;
  await send(step);
  location.reload();
}

function askConsent() {
  const agree = form.querySelector("#agree");
  agree.onchange = () => (button.disabled = !agree.checked);
  form.onsubmit = (event) => {
    event.preventDefault();
    finish({ kind: "consent" });
  };
}

function askRating() {
  const slider = form.querySelector("#slider");
  const output = form.querySelector("output");
  const [looked] = openViewers();
  const dwell = watchDwell();
  const step = (kind) => ({
    kind,
    alias: form.dataset.alias,
    rating: Number(slider.value),
    dwell_ms: dwell(),
    ...looked(),
  });
  let sent = form.classList.contains("unset") ? null : slider.value;
  let timer;

  const record = () => {
    clearTimeout(timer);
    if (form.classList.contains("unset") || sent === slider.value) return;
    sent = slider.value;
    send(step("change"));
  };
  const set = () => {
    form.classList.remove("unset");
    output.textContent = slider.value;
    slider.ariaValueText = slider.value;
    button.disabled = false;
    clearTimeout(timer);
    timer = setTimeout(record, SETTLED_MS);
  };
  if (sent === null) slider.ariaValueText = "not rated yet";
  slider.oninput = set;
  slider.onpointerup = set; // a click right in the middle is a rating too, but no input event
  if (slider.value !== slider.defaultValue) set(); // it was moved before this script ran
  form.onsubmit = (event) => {
    event.preventDefault();
    record();
    finish(step("submit"));
  };

  const controls = document.querySelector("#controls");
  document.querySelector("#help").onclick = () => controls.showModal();
}

// Milliseconds for which the page has been in sight.
function watchDwell() {
  let before = 0;
  let since = document.hidden ? null : performance.now();
  document.addEventListener("visibilitychange", () => {
    if (since !== null) before += performance.now() - since;
    since = document.hidden ? null : performance.now();
  });
  return () => Math.round(before + (since === null ? 0 : performance.now() - since));
}

if (form.id === "consent") askConsent();
else askRating();
