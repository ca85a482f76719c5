// A slider over pictures that were computed before. Without this script they all stand one below the other.

document.querySelectorAll(".frames.slider").forEach((box, number) => {
  const pictures = [...box.querySelectorAll("figure")];
  const labels = pictures.map((picture) => picture.querySelector("figcaption").textContent);
  const row = document.createElement("div");
  row.className = "slider-row";
  const label = document.createElement("label");
  label.htmlFor = `frames-${number}`;
  label.textContent = box.dataset.label;
  const range = document.createElement("input");
  Object.assign(range, { type: "range", id: label.htmlFor, min: 0, max: pictures.length - 1, step: 1, value: box.dataset.start || 0 });
  const output = document.createElement("output");
  output.htmlFor = label.htmlFor;
  row.append(label, range, output);
  box.append(row);
  const show = () => {
    pictures.forEach((picture, i) => (picture.hidden = i !== Number(range.value)));
    output.textContent = labels[range.value];
    range.setAttribute("aria-valuetext", labels[range.value]);
  };
  range.oninput = show; // arrow keys, Home and End come with it
  box.classList.add("ready");
  show();
});
