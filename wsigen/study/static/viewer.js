// The slides of a page of `wsigen study` and `wsigen view`, all from data attributes; picture.js shows each.

const MAP_PX = 140; // the longer side of the small map

// Open every slide on the page; returns one function per slide that tells what has been looked at.
export function openViewers() {
  return [...document.querySelectorAll(".viewer")].map((box) => openViewer(box).looked);
}

// Open one; returns OpenSeadragon's viewer, and what tells what has been looked at. `options` go to OpenSeadragon.
export function openViewer(box, options = {}) {
  const { tiles, width, height, tilePx, mpp, label } = box.dataset;
  const seen = { min: Infinity, max: 0 }; // um per screen pixel
  const viewer = showPicture(box, box.querySelector(".picture"), {
    mpp: Number(mpp),
    label,
    barPx: 140,
    onScale: (now) => {
      seen.min = Math.min(seen.min, now);
      seen.max = Math.max(seen.max, now);
    },
    showNavigator: box.clientWidth >= 600,
    navigatorPosition: "TOP_LEFT",
    navigatorWidth: `${MAP_PX * Math.min(1, width / height)}px`,
    navigatorHeight: `${MAP_PX * Math.min(1, height / width)}px`,
    navigatorBackground: "#f5f5f5",
    navigatorAutoFade: false,
    navigatorOpacity: 1,
    navigatorBorderColor: "#767f88",
    navigatorDisplayRegionColor: "#0a5299",
    maxZoomPixelRatio: 2,
    minZoomImageRatio: 0.8,
    tileSources: {
      width: Number(width),
      height: Number(height),
      tileSize: Number(tilePx),
      minLevel: 7, // smaller levels are a few pixels of one tile
      getTileUrl: (level, column, row) => `${tiles}${level}/${column}_${row}.jpg`,
    },
    ...options,
  });
  const view = viewer.viewport;

  const looked = () => {
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
  return { viewer, looked };
}

if (document.querySelector(".slides")) openViewers();
