// A slide viewer inside a page of the book, over tiles beside it; picture.js shows it. Works from a plain file.

function openSlide(box) {
  const { base, width, height, tilePx, mpp } = box.dataset;
  const picture = document.createElement("div");
  picture.className = "picture";
  box.insertBefore(picture, box.firstChild);
  const viewer = showPicture(box, picture, {
    mpp: Number(mpp),
    label: `${box.querySelector(".still").alt} Plus and minus zoom, arrows move, 0 shows the whole slide.`,
    barPx: 120,
    mouse: { scrollToZoom: false },
    maxZoomPixelRatio: 4,
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
  // The page scrolls with the wheel; with Ctrl or Cmd the slide zooms.
  viewer.addHandler("canvas-scroll", (event) => {
    const wheel = event.originalEvent;
    event.preventDefault = wheel.ctrlKey || wheel.metaKey;
    if (event.preventDefault) viewer.viewport.zoomBy(event.scroll > 0 ? 1.2 : 1 / 1.2).applyConstraints();
  });
  viewer.addHandler("open", () => {
    box.classList.add("open");
    box.querySelector(".controls").hidden = false;
  });
  viewer.addHandler("open-failed", () => picture.remove()); // the still picture stays
}

document.querySelectorAll(".slide-viewer").forEach(openSlide);
