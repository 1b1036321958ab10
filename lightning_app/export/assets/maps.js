// How are all maps of the network shown? A column per layer, from the picture to the classes; what a chosen cell reads
// is framed in every column before it.
"use strict";
const Maps = (() => {
  const GAP = 3;
  const NARROWEST = 48, BETWEEN = 12, HEAD = 54, LEAST = 22, MOST = 72; // pixels
  const SHORT = { Conv2d: "Conv", BatchNorm2d: "Norm", BatchNorm1d: "Norm", AdaptiveAvgPool2d: "GlobalAvg",
    AdaptiveMaxPool2d: "GlobalMax" };
  const columns = []; // per tensor: {shape, vector, across, element, grid, maps: [{element, canvas}], labels, most}

  const element = (name, kind, text = "") => {
    const made = document.createElement(name);
    made.className = kind;
    made.textContent = text;
    return made;
  };

  const isVector = (shape) => shape[1] === 1 && shape[2] === 1;
  const vectorColumns = (n) => (n <= 24 ? 1 : Math.ceil(Math.sqrt(n / 4)));
  const values = (tensor, channel) => {
    const area = tensor.shape[1] * tensor.shape[2];
    return tensor.data.subarray(channel * area, (channel + 1) * area);
  };
  const largest = (tensor) => tensor.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

  function build(model, host, look) {
    const shapes = [model.shape, ...model.layers.map((layer) => layer.shape)];
    shapes.forEach((shape, index) => columns.push(column(model, shape, index, look)));
    host.replaceChildren(...columns.map((each) => each.element));
  }

  function column(model, shape, index, look) {
    const layer = model.layers[index - 1], vector = isVector(shape), count = vector ? 1 : shape[0];
    const made = { shape, vector, maps: [], grid: element("div", "maps") };
    made.across = vector ? vectorColumns(shape[0]) : shape[2];
    made.labels = vector && index === model.layers.length && shape[0] <= 24 ? model.classes : [];
    const head = element("header", "");
    const size = vector ? [`${shape[0]}`, "numbers"] : [`${shape[0]} map${shape[0] === 1 ? "" : "s"}`, `${shape[1]}×${shape[2]}`];
    const name = layer ? SHORT[layer.name] || layer.name.replace("2d", "") : "Input";
    head.append(element("b", "", name), ...size.map((text) => element("span", "", text)));
    head.title = layer ? `${layer.name}(${layer.says})` : "what the network sees";
    for (let channel = 0; channel < count; channel++) {
      const map = element("div", vector ? "map vector" : "map"), canvas = element("canvas", "");
      map.append(canvas, element("i", "box"));
      made.maps.push({ element: map, canvas });
      made.grid.append(map);
      const cell = (event) => cellAt(made, channel, index, event);
      canvas.addEventListener("pointermove", (event) => look(cell(event)));
      canvas.addEventListener("click", (event) => look(cell(event), true));
    }
    made.element = element("section", "layer");
    made.element.append(head, made.grid);
    if (made.labels.length) made.grid.append(labels(made.labels));
    return made;
  }

  function labels(names) {
    const list = element("ol", "names");
    list.append(...names.map((name) => element("li", "", name)));
    return list;
  }

  // Which cell lies under the pointer?
  function cellAt(made, channel, index, event) {
    const frame = event.currentTarget.getBoundingClientRect();
    const { width, height } = event.currentTarget;
    const j = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - frame.left) / frame.width) * width)));
    const i = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - frame.top) / frame.height) * height)));
    if (!made.vector) return { index, c: channel, i, j };
    return { index, c: Math.min(made.shape[0] - 1, i * made.across + j), i: 0, j: 0 };
  }

  function paint(tensors) {
    tensors.forEach((tensor, index) => {
      const most = largest(tensor), made = columns[index];
      made.most = most;
      made.maps.forEach(({ canvas }, channel) =>
        Colours.paint(canvas, made.vector ? tensor.data : values(tensor, channel), made.across, most, index > 0));
    });
  }

  // As large as the room allows, so that the whole network is seen at once.
  function fit(host) {
    const wide = host.clientWidth - 2 * 16, tall = host.clientHeight - HEAD - 2 * 10;
    const spare = BETWEEN * (columns.length - 1);
    const size = (rows) => {
      const narrow = columns.filter((made) => made.maps.length <= rows).length;
      const across = columns.reduce((total, made) => total + Math.ceil(made.maps.length / rows), 0) - narrow;
      const high = tall / rows - GAP, side = (wide - spare - narrow * NARROWEST) / Math.max(1, across) - GAP;
      return Math.min(high, across ? side : MOST, MOST);
    };
    const most = Math.max(...columns.map((made) => made.maps.length));
    const choices = Array.from({ length: most }, (_, k) => k + 1);
    const rows = choices.reduce((best, k) => (size(k) > size(best) + 0.5 ? k : best), most);
    host.style.setProperty("--map", `${Math.floor(Math.max(LEAST, size(rows)))}px`);
    for (const made of columns)
      made.grid.style.gridTemplateColumns = `repeat(${Math.ceil(made.maps.length / rows)}, auto)`;
  }

  // Frame what a cell reads: `boxes` per column, or null.
  function frame(boxes) {
    columns.forEach((made, index) => {
      const box = boxes && boxes[index], own = boxes && index === boxes.length - 1;
      made.element.classList.toggle("own", Boolean(own));
      made.maps.forEach(({ element: map }, channel) =>
        map.classList.toggle("lit", Boolean(box) && (made.vector || box.channels.includes(channel))));
      if (box) place(made, box);
    });
  }

  function place(made, box) {
    const set = (name, value) => made.element.style.setProperty(name, `${100 * value}%`);
    if (!made.vector) {
      const [, height, width] = made.shape;
      set("--x", box.left / width), set("--y", box.top / height);
      set("--w", (box.right - box.left + 1) / width), set("--h", (box.bottom - box.top + 1) / height);
      return;
    }
    const down = Math.ceil(made.shape[0] / made.across), one = box.channels.length === 1, c = box.channels[0];
    set("--x", one ? (c % made.across) / made.across : 0), set("--y", one ? Math.floor(c / made.across) / down : 0);
    set("--w", one ? 1 / made.across : 1), set("--h", one ? 1 / down : 1);
  }

  return { build, paint, fit, frame, element, values, largest, isVector, most: (index) => columns[index].most };
})();
