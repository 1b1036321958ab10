// What does the network get to see of a drawing? The same as of a photograph whose ink was found: lightning_app/photo,
// `laid`, step by step and bit for bit. An image is {data: Uint8Array, width, height}.
"use strict";
const Ink = (() => {
  const SIDE = 28, BOX = 20, STROKE = 0.11, MARGIN = 1, HALF = 127;

  // Python's round: halves go to the even neighbour.
  function round(value) {
    const floor = Math.floor(value), rest = value - floor;
    return rest < 0.5 ? floor : rest > 0.5 ? floor + 1 : floor + (floor & 1);
  }

  function blank(width, height) {
    return { data: new Uint8Array(width * height), width, height };
  }

  // A window of an image; what lies outside of the image is 0.
  function cut(image, left, top, width, height) {
    const part = blank(width, height);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const r = top + row, s = left + column;
        const inside = r >= 0 && s >= 0 && r < image.height && s < image.width;
        if (inside) part.data[row * width + column] = image.data[r * image.width + s];
      }
    return part;
  }

  function transposed(image) {
    const turned = blank(image.height, image.width);
    for (let row = 0; row < image.height; row++)
      for (let column = 0; column < image.width; column++)
        turned.data[column * image.height + row] = image.data[row * image.width + column];
    return turned;
  }

  // The least or largest value within `reach` cells along every row.
  function alongRows(image, reach, choose) {
    const found = blank(image.width, image.height);
    for (let row = 0; row < image.height; row++)
      for (let column = 0; column < image.width; column++) {
        let best = image.data[row * image.width + column];
        const end = Math.min(image.width - 1, column + reach);
        for (let s = Math.max(0, column - reach); s <= end; s++) best = choose(best, image.data[row * image.width + s]);
        found.data[row * image.width + column] = best;
      }
    return found;
  }

  function ranked(image, reach, choose) {
    return transposed(alongRows(transposed(alongRows(image, reach, choose)), reach, choose));
  }

  function thickened(image) {
    const eroded = ranked(image, 1, Math.min);
    let inside = 0, edge = 0;
    image.data.forEach((value, place) => {
      if (value >= HALF) inside++;
      if (value >= HALF && eroded.data[place] < HALF) edge++;
    });
    const width = (2 * inside) / Math.max(1, edge);
    const reach = round((STROKE * Math.max(image.width, image.height) - width) / 2);
    if (reach <= 0) return image;
    const roomy = cut(image, -reach, -reach, image.width + 2 * reach, image.height + 2 * reach);
    return ranked(roomy, reach, Math.max);
  }

  const FILTERS = {
    box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
    bicubic: {
      support: 2,
      weight(x) {
        const a = -0.5, z = Math.abs(x);
        if (z < 1) return ((a + 2) * z - (a + 3)) * z * z + 1;
        return z < 2 ? (((z - 5) * z + 8) * z - 4) * a : 0;
      },
    },
  };

  // Pillow's resampling of 8-bit images along rows, in its fixed-point numbers of 22 bits.
  function resizedRows(image, width, filter) {
    if (width === image.width) return image;
    const scale = image.width / width, stretch = Math.max(1, scale), reach = filter.support * stretch, ONE = 2 ** 22;
    const resized = blank(width, image.height);
    for (let column = 0; column < width; column++) {
      const centre = (column + 0.5) * scale;
      const first = Math.max(0, Math.trunc(centre - reach + 0.5));
      const end = Math.min(image.width, Math.trunc(centre + reach + 0.5));
      const weights = [];
      for (let s = first; s < end; s++) weights.push(filter.weight((s - centre + 0.5) * (1 / stretch)));
      const total = weights.reduce((a, b) => a + b, 0);
      const fixed = weights.map((weight) => Math.trunc((weight / total) * ONE + (weight < 0 ? -0.5 : 0.5)));
      for (let row = 0; row < image.height; row++) {
        let value = ONE / 2;
        fixed.forEach((weight, k) => (value += weight * image.data[row * image.width + first + k]));
        resized.data[row * width + column] = Math.min(255, Math.max(0, Math.floor(value / ONE)));
      }
    }
    return resized;
  }

  function resized(image, width, height, name) {
    const filter = FILTERS[name];
    return transposed(resizedRows(transposed(resizedRows(image, width, filter)), height, filter));
  }

  // Laid into 28x28 so that the centre of mass is in the middle, as far as the digit stays inside.
  function centred(small) {
    let mass = 0, down = 0, right = 0;
    small.data.forEach((value, place) => {
      mass += value;
      down += value * Math.floor(place / small.width);
      right += value * (place % small.width);
    });
    const put = (centre, size) => Math.min(SIDE - size, Math.max(0, round((SIDE - 1) / 2 - centre)));
    const top = put(down / mass, small.height), left = put(right / mass, small.width);
    return cut(small, -left, -top, SIDE, SIDE);
  }

  // 28x28 pixels of a drawing, 255 where there is ink; null if there is none.
  function laid(image) {
    const rows = [], columns = [];
    image.data.forEach((value, place) => {
      if (value >= HALF) rows.push(Math.floor(place / image.width)), columns.push(place % image.width);
    });
    if (!rows.length) return null;
    const least = (values) => Math.max(0, values.reduce((a, b) => Math.min(a, b)) - MARGIN);
    const end = (values, size) => Math.min(size, values.reduce((a, b) => Math.max(a, b)) + 1 + MARGIN);
    const top = least(rows), left = least(columns);
    const digit = thickened(cut(image, left, top, end(columns, image.width) - left, end(rows, image.height) - top));
    const longest = Math.max(digit.width, digit.height);
    const side = (size) => Math.max(1, round((size * BOX) / longest));
    return centred(resized(digit, side(digit.width), side(digit.height), "box")).data;
  }

  // The pixels of a drawing for a network that has learned on images of this shape.
  function seen(image, [, height, width]) {
    if (height === SIDE && width === SIDE) return laid(image);
    return image.data.some((value) => value >= HALF) ? resized(image, width, height, "bicubic").data : null;
  }

  return { laid, seen };
})();
