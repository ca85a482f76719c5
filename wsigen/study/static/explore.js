// The live microscope: tiles that are drawn when they are looked at.

import { openViewer } from "./viewer.js";

const SETTLE_MS = 80; // a view that rests so long is asked for
const MOST = 96; // tiles asked for at once
const SHARP = 0.75; // screen pixels per pixel of the finest stage that is shown, at least
const RETRY_MS = 3000;
const page = document.querySelector(".explore");
const box = document.querySelector(".viewer");
const $ = (id) => document.getElementById(id);
const { prefix, run } = page.dataset;
const mpps = JSON.parse(page.dataset.mpps);
const [width, height, tilePx] = [box.dataset.width, box.dataset.height, box.dataset.tilePx].map(Number);
const finest = mpps.length - 1;
const reader = [...crypto.getRandomValues(new Uint8Array(8))].map((b) => b.toString(16).padStart(2, "0")).join("");
const waiting = new Map(); // stage/column_row -> OpenSeadragon's jobs, of the viewer and of its map
const coming = new Set(); // those of them that are drawn and on their way
let seed = Number(page.dataset.seed);
let current = new AbortController();
let settle;
let moving = false; // the view is on its way to another place

// Pixels of the finest stage for one of this stage.
const factor = (stage) => mpps[stage] / mpps[finest];
const nameOf = ({ level, x, y }) => `${level}/${x}_${y}`;
// Whether all tiles of the view are there, at the fineness that it shows; false before a slide is open.
const complete = () => viewer.world.getItemAt(0)?.getFullyLoaded() ?? false;
const addressOf = (name) => `${prefix}/tiles/${run}/${seed}/${name}.jpg`;

function source() {
  return {
    width,
    height,
    tileSize: tilePx,
    minLevel: 0,
    maxLevel: finest,
    getTileUrl: (level, x, y) => addressOf(nameOf({ level, x, y })),
    downloadTileStart(job) {
      const name = nameOf(job.tile);
      waiting.set(name, [...(waiting.get(name) ?? []), job]);
      askSoon();
    },
    downloadTileAbort(job) {
      waiting.delete(nameOf(job.tile));
    },
  };
}

OpenSeadragon.DEFAULT_SETTINGS.timeout = 24 * 3600 * 1000; // a tile takes as long as it takes
const { viewer } = openViewer(box, {
  tileSources: source(),
  minPixelRatio: SHARP,
  maxTilesPerFrame: 8,
});
const view = viewer.viewport;
viewer.addHandler("tile-load-failed", ({ tile, message }) =>
  // OpenSeadragon takes a tile that failed for one that does not exist; ours may be wanted again.
  setTimeout(() => {
    tile.exists = true;
    viewer.forceRedraw();
  }, message === "left" ? 0 : RETRY_MS),
);

function askSoon() {
  clearTimeout(settle);
  settle = setTimeout(() => current.abort(), SETTLE_MS);
}

// What is in view or about to be, coarse stages first, then from the middle outwards; the rest is let go.
function wanted() {
  const seen = view.viewportToImageRectangle(view.getBounds(false));
  const zoom = view.viewportToImageZoom(view.getZoom(false));
  const centre = seen.getCenter();
  const found = [];
  for (const [name, jobs] of waiting) {
    const { level, x, y } = jobs[0].tile;
    const side = tilePx * factor(level);
    const near =
      (x + 2) * side > seen.x && (x - 1) * side < seen.x + seen.width &&
      (y + 2) * side > seen.y && (y - 1) * side < seen.y + seen.height;
    if (coming.has(name)) continue;
    const whole = level === 0 || Math.max(width, height) <= 2 * side; // of use to every view, and to the map
    if (whole || (near && zoom * factor(level) > SHARP / 2)) {
      found.push({ name, level, far: Math.hypot((x + 0.5) * side - centre.x, (y + 0.5) * side - centre.y) });
    } else {
      end(name, (job) => job.fail("left"));
    }
  }
  found.sort((a, b) => a.level - b.level || a.far - b.far);
  return found.slice(0, MOST).map(({ name }) => name);
}

async function ask(tiles) {
  const answer = await fetch(`${prefix}/wants`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ reader, seed, tiles }),
    signal: current.signal,
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(found.error ?? answer.statusText);
  return found;
}

// Tell all who wait for a tile how it ended.
function end(name, how) {
  const jobs = waiting.get(name) ?? [];
  waiting.delete(name);
  coming.delete(name);
  jobs.forEach(how);
}

function deliver(name) {
  const image = new Image();
  coming.add(name);
  image.onload = () => end(name, (job) => job.finish(image, null, "image"));
  image.onerror = () => {
    coming.delete(name); // no longer kept: it is asked for again
    askSoon();
  };
  image.src = addressOf(name);
}

async function pump() {
  for (;;) {
    current = new AbortController();
    const asked = seed;
    try {
      const tiles = wanted();
      const settled = !["starting", "drawing"].includes(page.dataset.state);
      if (moving || (!tiles.length && (settled || !complete()))) {
        await new Promise((resolve) => current.signal.addEventListener("abort", resolve));
        continue;
      }
      const found = await ask(tiles);
      if (asked !== seed) continue;
      found.ready.forEach(deliver);
      for (const [name, text] of Object.entries(found.failed)) end(name, (job) => job.fail(text));
      show(found, tiles.length - found.ready.length);
    } catch (error) {
      if (error.name === "AbortError") continue;
      tell("trouble", error instanceof TypeError ? "The microscope does not answer. It is asked again." : error.message);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function show({ failed, lacking, total, others, spent }, left) {
  const [trouble] = Object.values(failed);
  if (trouble) tell("trouble", `This view cannot be drawn: ${trouble}`);
  else if (left || !complete()) tell("drawing", others ? `Drawing, in turn with ${others} others` : "Drawing");
  else tell("sharp", "Sharp");
  $("progress").hidden = !left;
  $("progress").value = total ? 1 - lacking / total : 0;
  const share = (100 * spent.share).toPrecision(2);
  $("spent").textContent =
    `Spent on this slide: ${spent.evaluations.toLocaleString("en")} evaluations of the network in ${spent.seconds} s, ` +
    `${+share} % of the whole slide’s`;
}

// The state is read out when it changes, so it has no numbers that run.
function tell(state, text) {
  page.dataset.state = state;
  if ($("state").textContent !== text) $("state").textContent = text;
}

// Seed and place in the address: x and y in pixels of the finest stage, um per screen pixel.
function address() {
  const centre = view.viewportToImageCoordinates(view.getCenter(false));
  const um = mpps[finest] / view.viewportToImageZoom(view.getZoom(false));
  const clamped = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
  return `?seed=${seed}&x=${clamped(centre.x, width)}&y=${clamped(centre.y, height)}&um=${+um.toPrecision(4)}`;
}

function goToAddress() {
  const named = new URLSearchParams(location.search);
  const [x, y, um] = ["x", "y", "um"].map((name) => Number(named.get(name)));
  if (!named.has("x") || !named.has("y") || !um) return view.goHome(true);
  view.zoomTo(view.imageToViewportZoom(mpps[finest] / um), undefined, true);
  view.panTo(view.imageToViewportCoordinates(x, y), true);
}

// The part of the finest stage in view, in its own pixels.
function region() {
  const zoom = view.viewportToImageZoom(view.getZoom(false));
  const seen = view.viewportToImageRectangle(view.getBounds(false));
  const inside = (low, high, most, k) => {
    const start = Math.max(0, Math.floor(low / k));
    return [start, Math.min(Math.ceil(most / k), Math.ceil(high / k)) - start];
  };
  let stage = mpps.findLastIndex((_, level) => zoom * factor(level) >= SHARP);
  for (stage = Math.max(stage, 0); ; stage -= 1) {
    const [top, tall] = inside(seen.y, seen.y + seen.height, height, factor(stage));
    const [left, wide] = inside(seen.x, seen.x + seen.width, width, factor(stage));
    if (Math.max(tall, wide) <= Number(page.dataset.mostPx) || stage === 0) return { stage, top, left, height: tall, width: wide };
  }
}

async function saveRegion() {
  const button = $("region");
  button.disabled = true;
  button.textContent = "Saving";
  try {
    const answer = await fetch(`${prefix}/region.tiff?${new URLSearchParams({ seed, ...region() })}`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition"))[1];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
    tell("saved", `Saved ${name}`);
  } catch (error) {
    tell("trouble", `Not saved: ${error.message}`);
  } finally {
    button.disabled = false;
    button.textContent = "Save this region";
  }
}

async function copy(button, text) {
  const label = button.textContent;
  const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  button.textContent = copied ? "Copied" : "Copy it from the address bar";
  setTimeout(() => (button.textContent = label), 2000);
}

function openSlide(number) {
  seed = number;
  for (const place of document.querySelectorAll(".seed")) place.textContent = seed;
  waiting.clear();
  coming.clear();
  moving = false;
  tell("starting", "Starting");
  viewer.open(source());
  current.abort();
}

viewer.addHandler("open", () => {
  viewer.world.getItemAt(0).addHandler("fully-loaded-change", askSoon);
  goToAddress();
  askSoon();
});
viewer.addHandler("animation-start", () => {
  moving = true;
  tell("drawing", "Drawing");
});
viewer.addHandler("animation", askSoon);
viewer.addHandler("animation-finish", () => {
  moving = false;
  askSoon();
  history.replaceState(null, "", address());
});
addEventListener("popstate", () => {
  const number = Number(new URLSearchParams(location.search).get("seed") ?? page.dataset.seed);
  if (number !== seed) openSlide(number);
  else goToAddress();
});
$("another").onclick = () => {
  const number = crypto.getRandomValues(new Uint32Array(1))[0];
  history.pushState(null, "", `?seed=${number}`);
  openSlide(number);
};
$("link").onclick = () => copy($("link"), location.origin + location.pathname + address());
$("region").onclick = saveRegion;
$("help").onclick = () => $("about").showModal();
if ($("whole")) {
  const command = () => $("command").dataset.command.replaceAll("SEED", seed);
  $("whole").onclick = () => {
    $("command").textContent = command();
    $("whole-slide").showModal();
  };
  $("copy-command").onclick = () => copy($("copy-command"), command());
}
pump();
