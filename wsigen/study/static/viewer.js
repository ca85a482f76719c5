// A slide viewer: OpenSeadragon with buttons, a scale bar and the magnification, all from data attributes.

const BAR_PX = 140; // the scale bar is the longest round length that is not longer than this
const MAP_PX = 140; // the longer side of the small map
const EYEPIECE = 10; // micrometres per screen pixel at 1x: 40x is 0.25

// Open every slide on the page; returns one function per slide that tells what has been looked at.
export function openViewers() {
  return [...document.querySelectorAll(".viewer")].map(openViewer);
}

function openViewer(box) {
  const { tiles, width, height, tilePx, mpp, label } = box.dataset;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element: box.querySelector(".picture"),
    drawer: "canvas",
    showNavigationControl: false,
    showNavigator: box.clientWidth >= 600,
    navigatorPosition: "TOP_LEFT",
    navigatorWidth: `${MAP_PX * Math.min(1, width / height)}px`,
    navigatorHeight: `${MAP_PX * Math.min(1, height / width)}px`,
    navigatorBackground: "#f5f5f5",
    navigatorAutoFade: false,
    navigatorOpacity: 1,
    navigatorBorderColor: "#767f88",
    navigatorDisplayRegionColor: "#0a5299",
    animationTime: still ? 0 : 0.4,
    maxZoomPixelRatio: 2,
    minZoomImageRatio: 0.8,
    visibilityRatio: 0.5,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    tileSources: {
      width: Number(width),
      height: Number(height),
      tileSize: Number(tilePx),
      minLevel: 7, // smaller levels are a few pixels of one tile
      getTileUrl: (level, column, row) => `${tiles}${level}/${column}_${row}.jpg`,
    },
  });
  const view = viewer.viewport;
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute("aria-label", label);
  box.querySelector(".zoom-in").onclick = () => view.zoomBy(1.5).applyConstraints();
  box.querySelector(".zoom-out").onclick = () => view.zoomBy(1 / 1.5).applyConstraints();
  box.querySelector(".whole").onclick = () => view.goHome();

  const scale = () => Number(mpp) / view.viewportToImageZoom(view.getZoom(true)); // um per screen pixel
  const seen = { min: Infinity, max: 0 };
  const update = () => {
    const now = scale();
    seen.min = Math.min(seen.min, now);
    seen.max = Math.max(seen.max, now);
    drawScale(box.querySelector(".scale"), now);
  };
  for (const event of ["open", "animation", "resize"]) viewer.addHandler(event, update);
  viewer.addHandler("tile-loaded", () => (box.dataset.tilesLoaded = Number(box.dataset.tilesLoaded ?? 0) + 1));

  return () => {
    if (!seen.max) return {}; // nothing shown yet
    const centre = view.viewportToImageCoordinates(view.getCenter(true));
    const within = (fraction) => Math.min(10, Math.max(-10, fraction));
    return {
      mpp_min: seen.min,
      mpp_max: seen.max,
      centre_x: within(centre.x / width),
      centre_y: within(centre.y / height),
    };
  };
}

function drawScale(box, umPerPixel) {
  if (!umPerPixel) return; // the slide does not say its scale
  const power = 10 ** Math.floor(Math.log10(BAR_PX * umPerPixel));
  const length = [5, 2, 1].map((digit) => digit * power).find((um) => um <= BAR_PX * umPerPixel);
  const times = EYEPIECE / umPerPixel;
  box.querySelector(".bar").style.width = `${length / umPerPixel}px`;
  box.querySelector(".length").textContent = length >= 1000 ? `${length / 1000} mm` : `${+length.toPrecision(1)} µm`;
  box.querySelector(".magnification").textContent = `${times >= 10 ? times.toFixed(0) : times.toPrecision(2)}×`;
  box.hidden = false;
}

if (document.querySelector(".slides")) openViewers();
