// How does a number become a colour? On a signed scale, zero in the middle, of the theme's five colours.
"use strict";
const Colours = (() => {
  const NAMES = ["--least", "--less", "--zero", "--more", "--most"];
  let stops = [];

  function refresh() {
    const probe = document.body.appendChild(document.createElement("i"));
    stops = NAMES.map((name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
    });
    probe.remove();
  }

  // [red, green, blue] of a value in -1..1.
  function of(value) {
    const place = (Math.min(1, Math.max(-1, value)) + 1) * 2, low = Math.min(3, Math.floor(place));
    return stops[low].map((start, k) => start + (place - low) * (stops[low + 1][k] - start));
  }

  // A background and an ink that can be read on it.
  function style(value) {
    const [red, green, blue] = of(value);
    const light = 0.299 * red + 0.587 * green + 0.114 * blue > 140;
    return `background: rgb(${red} ${green} ${blue}); color: ${light ? "#07212b" : "#ffffff"}`;
  }

  // Draw values, a pixel each, into a canvas of `columns`; `most` is the value of the darkest colour. Without colours
  // it is a picture: from black, its least value, to white, its largest.
  function paint(canvas, values, columns, most, coloured = true) {
    const rows = Math.ceil(values.length / columns);
    canvas.width = columns;
    canvas.height = rows;
    const image = new ImageData(columns, rows);
    const [black, white] = coloured ? [] : [Math.min(...values), Math.max(...values)];
    const grey = (value) => Array(3).fill((255 * (value - black)) / (white - black || 1));
    values.forEach((value, place) => {
      const rgb = coloured ? of(value / most) : grey(value);
      image.data.set([...rgb, 255], 4 * place);
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  return { refresh, style, paint };
})();
