// What happens when one draws? The strokes become pixels, the pixels maps and an answer, at every movement.
"use strict";
const Draw = (() => {
  const SIDE = 200; // cells of the drawing, along its longer side, before it is fitted to the network's input
  const PEN = 0.075; // of the side: an MNIST digit's stroke
  const { element } = Maps;
  const find = (name) => document.getElementById(name);
  const model = Net.decoded(JSON.parse(find("model").textContent));
  const [, height, width] = model.shape;
  const size = { width: Math.round((SIDE * width) / Math.max(width, height)) };
  size.height = Math.round((SIDE * height) / Math.max(width, height));
  const sheet = Object.assign(document.createElement("canvas"), size);
  const state = { strokes: [], pixels: null, tensors: null, cell: null, pinned: false, label: null };
  let queued = false;

  function later(action) {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => ((queued = false), action()));
  }

  function trace(context, wide, high) {
    const side = Math.max(wide, high);
    context.fillStyle = "#000";
    context.fillRect(0, 0, wide, high);
    Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN * side, lineCap: "round", lineJoin: "round" });
    for (const stroke of state.strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * wide, stroke[0][1] * high);
      context.lineTo(stroke[0][0] * wide + 0.01, stroke[0][1] * high); // a dot is a short line
      for (const [x, y] of stroke) context.lineTo(x * wide, y * high);
      context.stroke();
    }
  }

  // The drawing as grey levels, 255 where there is ink.
  function ink() {
    const context = sheet.getContext("2d", { willReadFrequently: true });
    trace(context, size.width, size.height);
    const rgba = context.getImageData(0, 0, size.width, size.height).data;
    return { data: Uint8Array.from({ length: rgba.length / 4 }, (_, place) => rgba[4 * place]), ...size };
  }

  function refresh() {
    trace(find("sheet").getContext("2d"), find("sheet").width, find("sheet").height);
    if (state.label === null) state.pixels = Ink.seen(ink(), model.shape);
    find("sheet").classList.toggle("sample", state.label !== null);
    find("hint").hidden = state.strokes.length > 0;
    compute();
  }

  function compute() {
    const pixels = state.pixels || new Uint8Array(width * height);
    const started = performance.now();
    state.tensors = Net.forward(model, pixels);
    state.milliseconds = performance.now() - started;
    Colours.paint(find("seen"), Array.from(pixels), width, 1, false);
    Maps.paint(state.tensors);
    answer();
    look(state.cell, state.pinned);
  }

  function answer() {
    const logits = state.tensors[state.tensors.length - 1].data;
    state.probabilities = Net.softmax(logits);
    const best = state.probabilities.indexOf(Math.max(...state.probabilities));
    const order = state.probabilities.map((_, place) => place);
    const shown = order.length <= 12 ? order : order.sort((a, b) => state.probabilities[b] - state.probabilities[a]).slice(0, 10);
    find("bars").replaceChildren(...shown.map((place) => bar(place, state.pixels && place === best)));
    const truth = state.label === null ? "" : `a test image of class ${state.label}`;
    find("answer").textContent = state.pixels ? model.classes[best] : "–";
    find("sure").textContent = state.pixels ? percent(state.probabilities[best]) : "draw a digit";
    find("truth").textContent = truth;
    find("time").textContent = `computed in ${state.milliseconds.toFixed(0)} ms, in this page`;
  }

  const percent = (value) => (value > 0.9995 && value < 1 ? "> 99.9 %" : `${(100 * value).toFixed(1)} %`);

  function bar(place, best) {
    const row = element("li", best ? "best" : ""), track = element("span", "track"), fill = element("i", "fill");
    const value = state.pixels ? state.probabilities[place] : 0;
    fill.style.width = `${100 * value}%`;
    track.append(fill);
    row.append(element("b", "", model.classes[place]), track, element("span", "amount", state.pixels ? percent(value) : ""));
    return row;
  }

  // Explain a cell; null: none, unless one is pinned.
  function look(cell, pin = false) {
    if (state.pinned && !pin) return;
    if (!cell || !state.cell || cell.index !== state.cell.index) Inspector.forget();
    state.pinned = pin && Boolean(cell);
    state.cell = cell;
    const host = find("inspector");
    if (!cell) {
      Maps.frame(null);
      host.replaceChildren(element("p", "empty", "Point at a map: the window that a number reads is framed in every layer " +
        "before it, and its products are written out here. Click to pin it."));
      return;
    }
    Maps.frame(boxes(cell));
    Inspector.show(host, model, state.tensors, cell, state.pinned, (i, j) => look({ ...cell, i, j }, true));
  }

  function boxes({ index, c, i, j }) {
    const found = Array(index + 1);
    found[index] = { channels: [c], top: i, left: j, bottom: i, right: j };
    for (let k = index; k > 0 && found[k]; k--)
      found[k - 1] = Net.behind(model.layers[k - 1], state.tensors[k - 1].shape, found[k]);
    return found;
  }

  function move(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Escape") look(null, true);
    if (!step || !state.pinned) return;
    event.preventDefault();
    const { cell } = state, [channels, rows, columns] = state.tensors[cell.index].shape;
    const within = (value, n) => Math.min(n - 1, Math.max(0, value));
    if (rows * columns > 1) look({ ...cell, i: within(cell.i + step[0], rows), j: within(cell.j + step[1], columns) }, true);
    else look({ ...cell, c: within(cell.c + step[0] + step[1], channels) }, true);
  }

  function pen(canvas) {
    const place = (event) => {
      const frame = canvas.getBoundingClientRect();
      return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      state.label = null;
      state.strokes.push([place(event)]);
      later(refresh);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons || !state.strokes.length || !canvas.hasPointerCapture(event.pointerId)) return;
      state.strokes[state.strokes.length - 1].push(...event.getCoalescedEvents().map(place), place(event));
      later(refresh);
    });
  }

  function clear() {
    Object.assign(state, { strokes: [], label: null });
    refresh();
  }

  function sample(each) {
    Object.assign(state, { strokes: [], label: each.label, pixels: each.pixels });
    refresh();
  }

  function chips() {
    find("samples").replaceChildren(...model.samples.map((each) => {
      const chip = element("button", each.right ? "sample" : "sample wrong"), canvas = element("canvas", "");
      chip.title = `a test image of class ${each.label}`;
      chip.setAttribute("aria-label", chip.title);
      Colours.paint(canvas, Array.from(each.pixels), width, 1, false);
      chip.append(canvas);
      chip.addEventListener("click", () => sample(each));
      return chip;
    }));
    find("some").hidden = !model.samples.length;
  }

  function save() {
    const link = document.createElement("a");
    ink();
    link.href = sheet.toDataURL("image/png");
    link.download = "drawing.png";
    link.click();
  }

  function theme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches, root = document.documentElement.style;
    const now = root.colorScheme || (dark ? "dark" : "light");
    root.colorScheme = now === "dark" ? "light" : "dark";
    Colours.refresh();
    refresh();
  }

  function start() {
    const sheetOnScreen = find("sheet"), scale = Math.max(1, Math.ceil(devicePixelRatio));
    Object.assign(sheetOnScreen, { width: 1.5 * scale * size.width, height: 1.5 * scale * size.height });
    sheetOnScreen.style.aspectRatio = `${size.width} / ${size.height}`;
    Colours.refresh();
    Maps.build(model, find("maps"), look);
    Maps.fit(find("maps"));
    chips();
    pen(sheetOnScreen);
    find("clear").addEventListener("click", clear);
    find("undo").addEventListener("click", () => (state.strokes.pop(), (state.label = null), refresh()));
    find("save").addEventListener("click", save);
    find("theme").addEventListener("click", theme);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (Colours.refresh(), refresh()));
    document.addEventListener("keydown", move);
    addEventListener("resize", () => Maps.fit(find("maps")));
    if (model.samples.length) sample(model.samples[Math.min(2, model.samples.length - 1)]);
    else refresh();
  }

  start();
  return { model, state, ink, look, sample, clear };
})();
