// What does the network compute? Every layer says which cells of its input a cell of its output reads, and with which
// weights (`reads`); forward and explanation are both made from that, so that what is shown is what was computed.
// A tensor is {data: Float32Array, shape: [channels, rows, columns]}; vectors are [n, 1, 1].
"use strict";
const Net = (() => {
  // Place of cell i of a padded axis on the axis itself, whose length is n; -1 where padding has no source.
  const BORDER = {
    zeros: (i, n) => (i >= 0 && i < n ? i : -1),
    reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
    replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
    circular: (i, n) => ((i % n) + n) % n,
  };

  function window(layer, [, height, width], row, column, visit) {
    const { kernel, stride, padding, dilation } = layer;
    const border = BORDER[layer.border || "zeros"];
    for (let u = 0; u < kernel[0]; u++) {
      const r = border(row * stride[0] - padding[0] + u * dilation[0], height);
      if (r < 0) continue;
      for (let v = 0; v < kernel[1]; v++) {
        const s = border(column * stride[1] - padding[1] + v * dilation[1], width);
        if (s >= 0) visit(r, s, u, v);
      }
    }
  }

  function adaptive(layer, [, height, width], row, column, visit) {
    const [, rows, columns] = layer.shape;
    for (let r = Math.floor((row * height) / rows); r < Math.ceil(((row + 1) * height) / rows); r++)
      for (let s = Math.floor((column * width) / columns); s < Math.ceil(((column + 1) * width) / columns); s++)
        visit(r, s, r, s);
  }

  const same = (layer, shape, c, i, j, visit) => visit(c, i, j, 1);
  const pooled = (area) => (layer, shape, c, i, j, visit) => 
    area(layer, shape, i, j, (r, s, u, v) => visit(c, r, s, 1, u, v));
  const largest = (values) => Math.max(...values);
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  // How many cells the mean of an average pooling counts: padding, too, but not what ceil_mode adds beyond it.
  function counted(layer, [, height, width], row, column, visited) {
    if (layer.divisor) return layer.divisor;
    if (!layer.counts_padding) return visited;
    const along = (place, axis, n) => {
      const start = place * layer.stride[axis] - layer.padding[axis];
      return Math.min(start + layer.kernel[axis], n + layer.padding[axis]) - start;
    };
    return along(row, 0, height) * along(column, 1, width);
  }

  // reads(layer, input shape, c, i, j, visit): calls visit(channel, row, column, weight) for every cell that is read.
  // Where there is `value`, it makes the output of the cells' values; elsewhere it is their weighted sum and a bias.
  const KINDS = {
    conv: {
      reads(layer, shape, c, i, j, visit) {
        const inputs = shape[0] / layer.groups, first = Math.floor(c / (layer.shape[0] / layer.groups)) * inputs;
        const area = layer.kernel[0] * layer.kernel[1], weight = layer.weight;
        for (let k = 0; k < inputs; k++) {
          const start = (c * inputs + k) * area;
          window(layer, shape, i, j, (r, s, u, v) => 
            visit(first + k, r, s, weight[start + u * layer.kernel[1] + v], u, v));
        }
      },
    },
    linear: {
      reads(layer, shape, c, i, j, visit) {
        for (let k = 0; k < shape[0]; k++) visit(k, 0, 0, layer.weight[c * shape[0] + k]);
      },
    },
    batch_norm: { reads: (layer, shape, c, i, j, visit) => visit(c, i, j, layer.weight[c]) },
    pad: {
      reads(layer, shape, c, i, j, visit) {
        window(layer, shape, i, j, (r, s) => visit(c, r, s, 1));
      },
      value: (values, layer) => (values.length ? values[0] : layer.fill),
    },
    flatten: {
      reads(layer, [, height, width], c, i, j, visit) {
        const area = height * width;
        visit(Math.floor(c / area), Math.floor((c % area) / width), c % width, 1);
      },
    },
    max_pool: { reads: pooled(window), value: largest },
    avg_pool: {
      reads: pooled(window),
      value: (values, layer, shape, i, j) => sum(values) / counted(layer, shape, i, j, values.length),
    },
    global_max_pool: { reads: pooled(adaptive), value: largest },
    global_avg_pool: { reads: pooled(adaptive), value: (values) => sum(values) / values.length },
    dropout: { reads: same },
    relu: { reads: same, value: ([x]) => Math.max(0, x) },
    leaky_relu: { reads: same, value: ([x], layer) => (x > 0 ? x : layer.slope * x) },
    elu: { reads: same, value: ([x], layer) => (x > 0 ? x : layer.alpha * Math.expm1(x)) },
    silu: { reads: same, value: ([x]) => x / (1 + Math.exp(-x)) },
    tanh: { reads: same, value: ([x]) => Math.tanh(x) },
    sigmoid: { reads: same, value: ([x]) => 1 / (1 + Math.exp(-x)) },
  };

  const at = (x, c, i, j) => x.data[(c * x.shape[1] + i) * x.shape[2] + j];

  function cell(layer, x, c, i, j) {
    const kind = KINDS[layer.kind];
    if (kind.value) {
      const values = [];
      kind.reads(layer, x.shape, c, i, j, (k, r, s) => values.push(at(x, k, r, s)));
      return kind.value(values, layer, x.shape, i, j);
    }
    let total = layer.bias ? layer.bias[c] : 0;
    const [, height, width] = x.shape, data = x.data;
    kind.reads(layer, x.shape, c, i, j, (k, r, s, weight) => (total += weight * data[(k * height + r) * width + s]));
    return total;
  }

  function layerForward(layer, x) {
    const [channels, rows, columns] = layer.shape;
    const data = new Float32Array(channels * rows * columns);
    for (let c = 0, place = 0; c < channels; c++)
      for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[place++] = cell(layer, x, c, i, j);
    return { data, shape: layer.shape };
  }

  // The input and every layer's output, of pixels 0..255.
  function forward(model, pixels) {
    const input = Float32Array.from(pixels, (value) => (value / 255 - model.mean) / model.std);
    const tensors = [{ data: input, shape: model.shape }];
    for (const layer of model.layers) tensors.push(layerForward(layer, tensors[tensors.length - 1]));
    return tensors;
  }

  // What one output cell is made of: [{c, i, j, x, weight, u, v}], (u, v) the place in the kernel, and the bias.
  function explained(layer, x, c, i, j) {
    const terms = [];
    KINDS[layer.kind].reads(layer, x.shape, c, i, j, (k, r, s, weight, u = 0, v = 0) =>
      terms.push({ c: k, i: r, j: s, x: at(x, k, r, s), weight, u, v }));
    return { terms, bias: layer.bias ? layer.bias[c] : 0, weighted: !KINDS[layer.kind].value };
  }

  // The part of a layer's input that a box of its output reads; boxes are {channels: [..], top, left, bottom, right}.
  function behind(layer, shape, box) {
    const channels = new Set(), rows = [], columns = [];
    const note = (k, r, s) => (channels.add(k), rows.push(r), columns.push(s));
    for (const c of box.channels)
      for (const i of [box.top, box.bottom])
        for (const j of [box.left, box.right]) KINDS[layer.kind].reads(layer, shape, c, i, j, note);
    if (!rows.length) return null;
    const least = (values) => values.reduce((a, b) => Math.min(a, b));
    const most = (values) => values.reduce((a, b) => Math.max(a, b));
    return { channels: [...channels], top: least(rows), left: least(columns), bottom: most(rows), right: most(columns) };
  }

  function softmax(values) {
    const top = Math.max(...values), powers = Array.from(values, (value) => Math.exp(value - top));
    const total = sum(powers);
    return powers.map((power) => power / total);
  }

  function bytes(base64) {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  // The model as it lies in the page, its weights looked up in the one block of float32 numbers (little end first).
  function decoded(model) {
    const raw = new DataView(bytes(model.weights).buffer);
    const numbers = Float32Array.from({ length: raw.byteLength / 4 }, (_, place) => raw.getFloat32(4 * place, true));
    for (const layer of model.layers)
      for (const name of ["weight", "bias"])
        if (layer[name]) layer[name] = numbers.subarray(layer[name][0], layer[name][0] + layer[name][1]);
    for (const sample of model.samples) sample.pixels = bytes(sample.pixels);
    return model;
  }

  return { forward, explained, behind, softmax, decoded, at };
})();
