// A slide viewer inside a static page: OpenSeadragon with buttons, scale bar and magnification. Works from a plain file.

const BAR_PX = 120; // the scale bar is the longest round length that is not longer than this
const EYEPIECE = 10; // micrometres per screen pixel at 1x: 40x is 0.25

function openSlide(box) {
  const { base, width, height, tilePx, mpp } = box.dataset;
  const still = box.querySelector(".still");
  const picture = document.createElement("div");
  picture.className = "picture";
  box.insertBefore(picture, box.firstChild);
  const viewer = OpenSeadragon({
    element: picture,
    drawer: "canvas", // the others may not read pictures of a plain file
    showNavigationControl: false,
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.4,
    maxZoomPixelRatio: 4,
    visibilityRatio: 0.5,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true, scrollToZoom: false },
    tileSources: {
      Image: {
        xmlns: "http://schemas.microsoft.com/deepzoom/2008",
        Url: base + "tiles/",
        Format: "jpg",
        Overlap: "0",
        TileSize: tilePx,
        Size: { Width: width, Height: height },
      },
    },
  });
  const view = viewer.viewport;
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute("aria-label", `${still.alt} Plus and minus zoom, arrows move, 0 shows the whole slide.`);
  // The page scrolls with the wheel; with Ctrl or Cmd the slide zooms.
  viewer.addHandler("canvas-scroll", (event) => {
    const wheel = event.originalEvent;
    event.preventDefault = wheel.ctrlKey || wheel.metaKey;
    if (event.preventDefault) view.zoomBy(event.scroll > 0 ? 1.2 : 1 / 1.2).applyConstraints();
  });
  box.querySelector(".zoom-in").onclick = () => view.zoomBy(1.5).applyConstraints();
  box.querySelector(".zoom-out").onclick = () => view.zoomBy(1 / 1.5).applyConstraints();
  box.querySelector(".whole").onclick = () => view.goHome();
  const update = () => drawScale(box.querySelector(".scale"), Number(mpp) / view.viewportToImageZoom(view.getZoom(true)));
  for (const event of ["open", "animation", "resize"]) viewer.addHandler(event, update);
  viewer.addHandler("open", () => {
    box.classList.add("open");
    box.querySelector(".controls").hidden = false;
  });
  viewer.addHandler("tile-loaded", () => (box.dataset.tilesLoaded = Number(box.dataset.tilesLoaded ?? 0) + 1));
  viewer.addHandler("open-failed", () => picture.remove()); // the still picture stays
}

function drawScale(box, umPerPixel) {
  const power = 10 ** Math.floor(Math.log10(BAR_PX * umPerPixel));
  const length = [5, 2, 1].map((digit) => digit * power).find((um) => um <= BAR_PX * umPerPixel);
  const times = EYEPIECE / umPerPixel;
  box.querySelector(".bar").style.width = `${length / umPerPixel}px`;
  box.querySelector(".length").textContent = length >= 1000 ? `${length / 1000} mm` : `${+length.toPrecision(1)} µm`;
  box.querySelector(".magnification").textContent = `${times >= 10 ? times.toFixed(0) : times.toPrecision(2)}×`;
  box.hidden = false;
}

document.querySelectorAll(".slide-viewer").forEach(openSlide);
