// Shows values of a layer as colours: all its maps on one canvas, with one scale, where a value can be pointed at.
"use strict";

(() => {
  // From the lowest value to the highest, with zero in the middle: the report's blue and orange, on the page's paper.
  const SIGNED = {
    light: [[0, 74, 117], [0, 114, 178], [255, 255, 255], [213, 94, 0], [163, 71, 0]],
    dark: [[160, 215, 250], [40, 140, 205], [22, 22, 22], [225, 105, 15], [255, 190, 130]],
  };
  const PLACES = [-1, -0.6, 0, 0.6, 1];
  const BRIGHTNESS = [[0, 0, 0], [255, 255, 255]];
  const INK = { light: [[255, 255, 255], [27, 27, 27]], dark: [[22, 22, 22], [236, 236, 236]] };
  const LINE = { light: "#c4c4c4", dark: "#555" };
  const [GAP, EDGE] = [6, 2]; // pixels between maps, and around all, for the frames
  const MARK = { light: "#1b1b1b", dark: "#ffffff" };
  const [STOP, AROUND] = ["#009e73", "#ffffff"]; // a dot, and its edge, to be seen on black and on white

  const between = (from, to, part) => from.map((colour, i) => Math.round(colour + part * (to[i] - colour)));

  /** The colour of a value whose largest size in its layer is `limit`. */
  const signedColour = (value, limit, scheme) => {
    const place = limit ? Math.min(1, Math.max(-1, value / limit)) : 0;
    const after = PLACES.findIndex((each, i) => i && place <= each);
    const part = (place - PLACES[after - 1]) / (PLACES[after] - PLACES[after - 1]);
    return between(SIGNED[scheme][after - 1], SIGNED[scheme][after], part);
  };

  /** The lowest and the highest of values, and their largest size, which is the end of the scale. */
  Live.scaleOf = (values) => {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return { low, high, limit: Math.max(Math.abs(low), Math.abs(high)) };
  };

  /** 256 colours, from the lowest to the highest value, as three bytes each: quicker than a colour for each value. */
  const palette = ({ low, high, limit }, ink) => {
    const scheme = Live.isDark() ? "dark" : "light";
    const colours = new Uint8Array(256 * 3);
    for (let i = 0; i < 256; i++) {
      const value = low + ((high - low) * i) / 255;
      colours.set(ink ? between(...(ink === "brightness" ? BRIGHTNESS : INK[scheme]), i / 255) : signedColour(value, limit, scheme), 3 * i);
    }
    return colours;
  };

  /** Draws one image on a canvas of its size; `ink` as in Live.Maps. */
  Live.drawInk = (canvas, pixels, ink) => {
    const colours = palette({ low: 0, high: 255 }, ink);
    const image = new ImageData(canvas.width, canvas.height);
    pixels.forEach((pixel, i) => image.data.set([...colours.subarray(3 * Math.round(pixel), 3 * Math.round(pixel) + 3), 255], 4 * i));
    canvas.getContext("2d").putImageData(image, 0, 0);
  };

  /** Where the maps of values of a shape are on a canvas of so many pixels: columns, rows, and the size of a value. */
  const layout = (shape, available, { largest, zoom: most }) => {
    const count = shape.reduce((product, side) => product * side, 1);
    if (shape.length < 2) {
      const zoom = count <= 16 ? 28 : count <= 200 ? 18 : count <= 1000 ? 8 : 4;
      const width = Math.max(1, Math.min(count, Math.floor((available - 2 * EDGE) / zoom)));
      return { width, height: Math.ceil(count / width), maps: 1, columns: 1, gap: 0, zoom, count };
    }
    const [height, width, maps = 1] = shape.length > 3 ? [...shape.slice(0, 2), count / shape[0] / shape[1]] : shape;
    const zoom = Math.max(1, Math.min(Math.floor((available - 2 * EDGE) / width), Math.min(most, Math.max(3, Math.floor((maps === 1 ? largest : 48) / width)))));
    const gap = GAP / zoom; // in the size of a value
    const columns = Math.max(1, Math.min(maps, Math.floor((available - 2 * EDGE + GAP) / ((width + gap) * zoom))));
    return { width, height, maps, columns, gap, zoom, count };
  };

  /**
   * Maps on a canvas.
   *
   * `canvas` is put into the page by whoever makes this. `ink` draws from paper to ink, or if it is
   * "brightness" from black to white, instead of blue and orange; `range` are the values of both ends, without it
   * the lowest and the highest one;
   * `largest` is how many pixels wide a single map may become, and `zoom` how many a value.
   */
  Live.Maps = class {
    constructor(shape, { ink = false, range = null, label = "", largest = 140, zoom = 12 } = {}) {
      Object.assign(this, { shape, ink, range, largest, zoom });
      this.canvas = Live.element("canvas", { role: "img", "aria-label": label });
      this.values = null;
      this.marks = [];
      this.stops = []; // places of values of a single map that get a dot
    }

    /** Draws values, row by row with the channel innermost; marks are the places of values to frame. */
    draw(values = this.values, marks = this.marks) {
      [this.values, this.marks] = [values, marks];
      const available = this.canvas.parentElement?.clientWidth;
      if (!values || !available) return;
      const place = (this.place = layout(this.shape, available, this));
      const { width, height, maps, columns, gap, zoom, count } = place;
      const rows = Math.ceil(maps / columns);
      const size = [columns * (width + gap) - gap, rows * (height + gap) - gap].map((side) => Math.round(side * zoom) + 2 * EDGE);
      if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
      const context = this.canvas.getContext("2d");
      context.clearRect(0, 0, ...size);
      context.imageSmoothingEnabled = false;
      const scale = Live.scaleOf(this.range ?? values);
      const colours = palette(scale, this.ink);
      const step = scale.high > scale.low ? 255 / (scale.high - scale.low) : 0;
      const image = new ImageData(width, height);
      this.small ??= document.createElement("canvas");
      [this.small.width, this.small.height] = [width, height];
      const small = this.small.getContext("2d");
      for (let map = 0; map < maps; map++) {
        for (let i = 0; i < width * height; i++) {
          const at = i * maps + map;
          const colour = 3 * Math.round((values[at] - scale.low) * step);
          image.data[4 * i] = colours[colour];
          image.data[4 * i + 1] = colours[colour + 1];
          image.data[4 * i + 2] = colours[colour + 2];
          image.data[4 * i + 3] = at < count ? 255 : 0;
        }
        small.putImageData(image, 0, 0);
        context.drawImage(this.small, ...this.corner(map), width * zoom, height * zoom);
      }
      this.rule(context);
      this.dot(context);
      this.frame(context);
    }

    dot(context) {
      const { width, zoom } = this.place;
      context.lineWidth = zoom / 8;
      [context.fillStyle, context.strokeStyle] = [STOP, AROUND];
      for (const place of this.stops) {
        context.beginPath();
        context.arc(EDGE + ((place % width) + 0.5) * zoom, EDGE + (Math.floor(place / width) + 0.5) * zoom, zoom / 4, 0, 2 * Math.PI);
        context.fill();
        context.stroke();
      }
    }

    /** The upper left pixel of a map. */
    corner(map) {
      const { width, height, columns, gap, zoom } = this.place;
      return [EDGE + (map % columns) * (width + gap) * zoom, EDGE + Math.floor(map / columns) * (height + gap) * zoom];
    }

    /** Draws a thin line around each map, and around each value of a list, so that zeros can be seen too. */
    rule(context) {
      const { width, height, maps, zoom, count } = this.place;
      context.lineWidth = 1;
      context.strokeStyle = LINE[Live.isDark() ? "dark" : "light"];
      if (this.shape.length < 2 && zoom < 16) return context.strokeRect(EDGE - 0.5, EDGE - 0.5, width * zoom + 1, height * zoom + 1);
      const [across, down] = this.shape.length < 2 ? [1, 1] : [width, height];
      for (let i = 0; i < (this.shape.length < 2 ? count : maps); i++) {
        const [x, y] = this.shape.length < 2 ? [EDGE + (i % width) * zoom, EDGE + Math.floor(i / width) * zoom] : this.corner(i);
        context.strokeRect(x - 0.5, y - 0.5, across * zoom + 1, down * zoom + 1);
      }
    }

    /** Draws a frame around the marked values of each map. */
    frame(context) {
      const { width, maps, zoom } = this.place;
      const boxes = new Map();
      for (const index of this.marks) {
        const [map, cell] = [index % maps, Math.floor(index / maps)];
        const [x, y] = [cell % width, Math.floor(cell / width)];
        const [left, top, right, bottom] = boxes.get(map) ?? [x, y, x, y];
        boxes.set(map, [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)]);
      }
      const colours = Live.isDark() ? [MARK.light, MARK.dark] : [MARK.dark, MARK.light];
      [4, 2].forEach((thick, i) => { // one colour around the other, to be seen on black and on white
        [context.lineWidth, context.strokeStyle] = [thick, colours[i]];
        for (const [map, [left, top, right, bottom]] of boxes) {
          const [x, y] = this.corner(map);
          context.strokeRect(x + left * zoom, y + top * zoom, (right - left + 1) * zoom, (bottom - top + 1) * zoom);
        }
      });
    }

    /** The place of the value under a pointer; null between the maps. */
    at(event) {
      if (!this.place) return null;
      const { width, height, maps, columns, gap, zoom, count } = this.place;
      const box = this.canvas.getBoundingClientRect();
      const across = (((event.clientX - box.left) / box.width) * this.canvas.width - EDGE) / zoom;
      const down = (((event.clientY - box.top) / box.height) * this.canvas.height - EDGE) / zoom;
      const [column, row] = [Math.floor(across / (width + gap)), Math.floor(down / (height + gap))];
      const [x, y] = [Math.floor(across - column * (width + gap)), Math.floor(down - row * (height + gap))];
      const map = row * columns + column;
      const index = (y * width + x) * maps + map;
      const inside = x >= 0 && y >= 0 && x < width && y < height && column < columns && map < maps;
      return inside && index < count ? index : null;
    }

    /** The place that a key leads to: arrow keys move in a map, Page Up and Page Down to another; null for other keys. */
    beside(index, key) {
      const { width, height, maps, count } = this.place;
      const [map, cell] = [index % maps, Math.floor(index / maps)];
      const [x, y] = [cell % width, Math.floor(cell / width)];
      const moves = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], PageUp: [0, 0, -1], PageDown: [0, 0, 1] };
      if (!moves[key]) return null;
      const [right, down, further] = moves[key];
      const to = [x + right, y + down, map + further];
      const inside = to.every((each, i) => each >= 0 && each < [width, height, maps][i]);
      const next = (to[1] * width + to[0]) * maps + to[2];
      return inside && next < count ? next : index;
    }
  };

  /** Where a value is among values of a shape, in words: map, row and column, or its number. */
  Live.placeInWords = (shape, index) => {
    if (shape.length < 2) return `value ${index}`;
    const [, width, maps = 1] = shape;
    const [map, cell] = [index % maps, Math.floor(index / maps)];
    return `${maps > 1 ? `map ${map}, ` : ""}row ${Math.floor(cell / width)}, column ${cell % width}`;
  };

  /** A strip of the colours of a scale with its ends, as an element; `redraw(values)` shows another one, unless it has a `range`. */
  Live.legend = (ink, range = null) => {
    const canvas = Live.element("canvas", { "aria-hidden": "true", width: 120, height: 10 });
    const [low, zero, high] = [0, 1, 2].map(() => Live.element("span"));
    const element = Live.element("p", { class: "scale soft" }, low, canvas, high, zero);
    const redraw = (values) => {
      const scale = Live.scaleOf(range ?? values);
      const colours = palette(scale, ink);
      const context = canvas.getContext("2d");
      for (let x = 0; x < 120; x++) {
        const at = 3 * Math.round((x * 255) / 119);
        context.fillStyle = `rgb(${colours[at]} ${colours[at + 1]} ${colours[at + 2]})`;
        context.fillRect(x, 0, 1, 10);
      }
      [low.textContent, high.textContent] = [Live.inDigits(scale.low), Live.inDigits(scale.high)];
    };
    return { element, redraw };
  };
})();
