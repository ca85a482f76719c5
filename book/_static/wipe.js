// Two pictures of one place: the line between them follows the slider, and a pointer over the pictures.

document.querySelectorAll(".wipe").forEach((box) => {
  const layers = box.querySelector(".layers");
  const range = box.querySelector("input");
  const show = () => layers.style.setProperty("--line", `${range.value}%`);
  const follow = (event) => {
    const place = layers.getBoundingClientRect();
    range.value = (100 * (event.clientX - place.left)) / place.width;
    show();
  };
  range.oninput = show; // arrow keys, Home and End come with it
  layers.onpointerdown = (event) => {
    layers.setPointerCapture(event.pointerId);
    follow(event);
  };
  layers.onpointermove = (event) => event.buttons && follow(event);
  show();
});
