// What every slide viewer has: OpenSeadragon with buttons, scale bar and magnification. A plain script and no module,
// so that a page that was opened from a file can load it too.

const EYEPIECE = 10; // micrometres per screen pixel at 1x: 40x is 0.25

// Show a slide in `element`, with the buttons and the scale bar of `box`; `mpp` is 0 where it is not known.
// `onScale` is told the micrometres per screen pixel at each change, `options` are OpenSeadragon's.
function showPicture(box, element, { mpp, label, barPx, onScale = () => {}, mouse = {}, ...options }) {
  const viewer = OpenSeadragon({
    element,
    drawer: "canvas", // the others may not read pictures of a plain file
    showNavigationControl: false,
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.4,
    visibilityRatio: 0.5,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true, ...mouse },
    ...options,
  });
  const view = viewer.viewport;
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute("aria-label", label);
  box.querySelector(".zoom-in").onclick = () => view.zoomBy(1.5).applyConstraints();
  box.querySelector(".zoom-out").onclick = () => view.zoomBy(1 / 1.5).applyConstraints();
  box.querySelector(".whole").onclick = () => view.goHome();
  const update = () => {
    const umPerPixel = mpp / view.viewportToImageZoom(view.getZoom(true));
    onScale(umPerPixel);
    drawScale(box.querySelector(".scale"), umPerPixel, barPx);
  };
  for (const event of ["open", "animation", "resize"]) viewer.addHandler(event, update);
  viewer.addHandler("tile-loaded", () => (box.dataset.tilesLoaded = Number(box.dataset.tilesLoaded ?? 0) + 1));
  return viewer;
}

// The bar is the longest round length of 1, 2 or 5 that is not longer than `barPx`.
function drawScale(box, umPerPixel, barPx) {
  if (!umPerPixel) return; // the slide does not say its scale
  const power = 10 ** Math.floor(Math.log10(barPx * umPerPixel));
  const length = [5, 2, 1].map((digit) => digit * power).find((um) => um <= barPx * umPerPixel);
  const times = EYEPIECE / umPerPixel;
  box.querySelector(".bar").style.width = `${length / umPerPixel}px`;
  box.querySelector(".length").textContent = length >= 1000 ? `${length / 1000} mm` : `${+length.toPrecision(1)} µm`;
  box.querySelector(".magnification").textContent = `${times >= 10 ? times.toFixed(0) : times.toPrecision(2)}×`;
  box.hidden = false;
}
