// How did this one number come about? The window it reads, the weights, the products, and their sum, written out.
"use strict";
const Inspector = (() => {
  const { element } = Maps;
  const TERMS = 10; // of a linear layer's many
  const WIDEST = 7; // cells of a window that are written out
  let chosen = null; // the input channel whose products are written out; null: the one that matters most

  const signed = (value, text) => (value < 0 && Number(text) !== 0 ? `−${text}` : text);
  const number = (value) => signed(value, Math.abs(value).toFixed(3));
  const short = (value) => signed(value, Math.abs(value) < 1000 ? Math.abs(value).toFixed(2) : Math.abs(value).toFixed(0));
  const added = (value) => (value < 0 ? "− " : "+ ") + number(Math.abs(value));
  const product = (term) => term.x * term.weight;
  const total = (terms) => terms.reduce((sum, term) => sum + product(term), 0);

  function formula(...parts) {
    const line = element("p", "formula");
    line.append(...parts);
    return line;
  }

  // A table of numbers on their colours; cells that are null were padding.
  function matrix(title, cells, most) {
    const box = element("figure", "matrix"), grid = element("div", "cells");
    grid.style.gridTemplateColumns = `repeat(${cells[0].length}, auto)`;
    for (const value of cells.flat()) {
      const cell = element("span", value === null ? "pad" : "", value === null ? "0" : short(value));
      if (value !== null) cell.style.cssText = Colours.style(value / most);
      grid.append(cell);
    }
    box.append(element("figcaption", "", title), grid);
    return box;
  }

  function laidOut(terms, [rows, columns], value) {
    const cells = Array.from({ length: rows }, () => Array(columns).fill(null));
    for (const term of terms) cells[term.u][term.v] = value(term);
    return cells;
  }

  const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const between = (sign) => element("span", "sign", sign);

  function picture(title, tensor, channel, box, most, coloured, pick) {
    const figure = element("figure", "big"), frame = element("div", "map lit"), canvas = element("canvas", "");
    const [, height, width] = tensor.shape;
    Colours.paint(canvas, Maps.values(tensor, channel), width, most, coloured);
    frame.style.cssText = `--x: ${(100 * box.left) / width}%; --y: ${(100 * box.top) / height}%;
      --w: ${(100 * (box.right - box.left + 1)) / width}%; --h: ${(100 * (box.bottom - box.top + 1)) / height}%;
      aspect-ratio: ${width} / ${height}`;
    frame.append(canvas, element("i", "box"));
    figure.append(element("figcaption", "", title), frame);
    if (pick) {
      canvas.addEventListener("pointermove", (event) => {
        const view = canvas.getBoundingClientRect();
        const i = Math.floor(((event.clientY - view.top) / view.height) * height);
        const j = Math.floor(((event.clientX - view.left) / view.width) * width);
        pick(Math.min(height - 1, Math.max(0, i)), Math.min(width - 1, Math.max(0, j)));
      });
    }
    return figure;
  }

  // For a convolution of many maps: how much each of them adds; one is chosen for its products to be written out.
  function shares(groups, current, again) {
    const strip = element("div", "shares"), most = largest([...groups.values()].map(total));
    for (const [channel, terms] of groups) {
      const chip = element("button", channel === current ? "chip chosen" : "chip", String(channel));
      chip.style.cssText = Colours.style(total(terms) / most);
      chip.title = `map ${channel} adds ${number(total(terms))}`;
      chip.addEventListener("click", () => ((chosen = channel), again()));
      strip.append(chip);
    }
    return strip;
  }

  function grouped(terms) {
    const groups = new Map();
    for (const term of terms) groups.set(term.c, [...(groups.get(term.c) || []), term]);
    return groups;
  }

  function convolution(layer, { terms, bias }, y, again, most) {
    const groups = grouped(terms);
    if (!groups.size) return { parts: [formula(`only padding, and the bias: ${number(y)}`)], channel: null };
    const strongest = [...groups].reduce((a, b) => (Math.abs(total(b[1])) > Math.abs(total(a[1])) ? b : a))[0];
    const channel = groups.has(chosen) ? chosen : strongest, own = groups.get(channel);
    const parts = [];
    if (Math.max(...layer.kernel) <= WIDEST) {
      const weights = laidOut(own, layer.kernel, (term) => term.weight);
      const products = laidOut(own, layer.kernel, product), row = element("div", "row");
      row.append(
        matrix("window", laidOut(own, layer.kernel, (term) => term.x), most), between("×"),
        matrix("kernel", weights, largest(weights.flat())), between("="),
        matrix("products", products, largest(products.flat())));
      parts.push(row);
    }
    const others = groups.size > 1 ? ` ${added(total(terms) - total(own))} from ${groups.size - 1} other maps` : "";
    const last = layer.bias ? ` ${added(bias)} bias` : "", sum = others || last ? ` ${number(total(own))}${others}${last}` : "";
    parts.push(formula(`Σ of ${own.length} products${sum} = `, element("b", "", number(y))));
    if (groups.size > 1) parts.push(formula("what each map adds (choose one): "), shares(groups, channel, again));
    return { parts, channel };
  }

  function pooling(layer, { terms }, y, most) {
    const rows = [...new Set(terms.map((term) => term.u))], columns = [...new Set(terms.map((term) => term.v))];
    const cells = rows.map((u) => columns.map((v) => {
      const found = terms.find((term) => term.u === u && term.v === v);
      return found ? found.x : null;
    }));
    const how = layer.kind.includes("max") ? `the largest of ${terms.length}` : `the mean of ${terms.length}`;
    const parts = Math.max(rows.length, columns.length) <= WIDEST ? [matrix("window", cells, most)] : [];
    return [...parts, formula(`${how} = `, element("b", "", number(y)))];
  }

  function linear(layer, { terms, bias }, y, model, c) {
    const order = [...terms].sort((a, b) => Math.abs(product(b)) - Math.abs(product(a))).slice(0, TERMS);
    const list = element("ul", "terms"), most = largest(order.map(product));
    for (const term of order) {
      const item = element("li", "", `x[${term.c}]: ${short(term.x)} × ${short(term.weight)} = ${short(product(term))}`);
      item.style.cssText = Colours.style(product(term) / most);
      list.append(item);
    }
    const rest = total(terms) - total(order);
    const more = terms.length > order.length ? ` ${added(rest)} from the other ${terms.length - order.length}` : "";
    const last = layer.bias ? ` ${added(bias)} bias` : "";
    return [formula(`the ${order.length} largest of ${terms.length} products`), list,
      formula(`Σ ${number(total(order))}${more}${last} = `, element("b", "", number(y)))];
  }

  const ONE = {
    batch_norm: (x, { terms, bias }) => `${number(x)} × ${number(terms[0].weight)} ${added(bias)}`,
    relu: (x) => `max(0, ${number(x)})`,
    flatten: (x, { terms }) => `map ${terms[0].c}, row ${terms[0].i}, column ${terms[0].j}: ${number(x)}`,
    dropout: (x) => `dropout only acts in training: ${number(x)}`,
  };

  function single(layer, found, y) {
    const x = found.terms.length ? found.terms[0].x : 0;
    const text = ONE[layer.kind] ? ONE[layer.kind](x, found) : `${layer.name} of ${number(x)}`;
    return [formula(`${text} = `, element("b", "", number(y)))];
  }

  function title(model, tensors, cell, pinned) {
    const { index, c, i, j } = cell, layer = model.layers[index - 1], tensor = tensors[index];
    const last = index === model.layers.length;
    const where = Maps.isVector(tensor.shape) ? (last ? `class ${model.classes[c]}` : `number ${c}`)
      : `map ${c}, row ${i}, column ${j}`;
    const head = element("h2", "", `${layer ? layer.name : "Input"} · ${where} = ${number(Net.at(tensor, c, i, j))}`);
    head.append(element("span", "hint", pinned ? "pinned: arrow keys move, Esc frees" : "click to pin"));
    return head;
  }

  // Fill `host` with how the cell {index, c, i, j} was made; `move(i, j)` chooses another cell of its map.
  function show(host, model, tensors, cell, pinned, move) {
    const again = () => show(host, model, tensors, cell, pinned, move);
    const { index, c, i, j } = cell, layer = model.layers[index - 1], y = Net.at(tensors[index], c, i, j);
    const body = element("div", "made"), head = title(model, tensors, cell, pinned);
    if (!layer) {
      const pixel = y * model.std + model.mean;
      const text = `pixel ${Math.round(255 * pixel)} of 255, scaled: (${pixel.toFixed(3)} − ${model.mean}) / ${model.std} = `;
      body.append(formula(text, element("b", "", number(y))));
      return host.replaceChildren(head, body);
    }
    const before = tensors[index - 1], found = Net.explained(layer, before, c, i, j), most = Maps.most(index - 1);
    const sums = element("div", "sums");
    let channel = found.terms.length ? found.terms[0].c : null;
    if (layer.kind === "conv") {
      const made = convolution(layer, found, y, again, most);
      sums.append(...made.parts);
      channel = made.channel;
    } else if (layer.kind.endsWith("pool")) sums.append(...pooling(layer, found, y, most));
    else if (layer.kind === "linear") sums.append(...linear(layer, found, y, model, c));
    else sums.append(...single(layer, found, y));
    if (channel !== null && !Maps.isVector(before.shape)) {
      const box = Net.behind(layer, before.shape, { channels: [c], top: i, left: j, bottom: i, right: j });
      body.append(picture(`reads: ${index > 1 ? `map ${channel}` : "input"}`, before, channel, box, most, index > 1));
    }
    body.append(sums);
    if (!Maps.isVector(tensors[index].shape)) {
      const own = { top: i, left: j, bottom: i, right: j };
      body.append(picture(`gives: map ${c}`, tensors[index], c, own, Maps.most(index), true, move));
    }
    host.replaceChildren(head, body);
  }

  return { show, forget: () => (chosen = null) };
})();
