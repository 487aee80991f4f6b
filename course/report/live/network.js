// A trained network as course/report/alive.py describes it: reads it, computes with one image, and opens its numbers.
"use strict";

// Live.read(description)                          the network, or null if the page does not know one of its layers
// network.input, network.layers                   shape of an image; [{name, kind, passes, settings, weights, input,
//                                                 output}], shapes as [height, width, channels] or [n], the last
//                                                 innermost; weights by name: {shape, values}
// network.run(pixels)                             [{layer, shape, values}], one entry more than there are layers:
//                                                 entry 0 is the image, where layer is null; an entry of several views
//                                                 also has `parts`, the answer to each view
// network.answer(pixels)                          the values of the last entry alone, at less cost
// network.arithmetic(outputs, entry, value)       how one value was computed (arithmetic.js); null if there is none
// network.weighs(outputs, entry, unit)            what each value before a dense layer adds to that unit's sum:
//                                                 {values, shape}; null if it is not a dense layer
// `entry` counts as the result of run does, `value` and `unit` are places in its values. Values are Float32Array.
const Live = {};

Live.size = (shape) => shape.reduce((product, length) => product * length, 1);

Live.read = (description) => {
  const input = description.input;
  const described = [...description.layers];
  const last = described.at(-1);
  const views = last && last.kind === "Views" ? described.pop().settings.views : null;
  const layers = Live.readLayers(described, input);
  const moved = views && views.map((moves) => Live.readLayers(moves, input));
  if (!layers || (moved && moved.includes(null))) return null;
  return new Live.Network(input, layers, moved && { ...last, views: moved });
};

/** Returns layers that know their weights and shapes, each following the one before it; null if one is not known. */
Live.readLayers = (described, input) => {
  const layers = [];
  for (const { name, kind, settings, weights, passes } of described) {
    if (!passes && !Object.hasOwn(Live.kinds, kind)) return null;
    const known = passes ? Live.kinds.Identity : Live.kinds[kind];
    const arrays = Object.fromEntries(weights.map((array) => [array.name, Live.numbers(array)]));
    const layer = { name, kind, passes: Boolean(passes), settings, weights: arrays, input, known };
    layer.output = known.shape(layer);
    known.prepare?.(layer);
    layers.push(layer);
    input = layer.output;
  }
  return layers;
};

/** Decodes an array of weights; its data may also be numbers, for a page that lets a reader choose them. */
Live.numbers = ({ shape, data }) => {
  if (typeof data !== "string") return { shape, values: Float32Array.from(data) };
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i); // Uint8Array.from takes ten times as long
  return { shape, values: new Float32Array(bytes.buffer) };
};

Live.Network = class {
  constructor(input, layers, averaged) {
    this.input = input;
    this.inside = layers;
    this.views = averaged ? averaged.views : null;
    const shape = layers.length ? layers.at(-1).output : input;
    this.layers = averaged ? [...layers, { ...averaged, weights: {}, input: shape, output: shape }] : layers;
    this.buffers = layers.map((layer) => new Float32Array(Live.size(layer.output)));
  }

  run(pixels) {
    const image = this.image(pixels);
    const outputs = [{ layer: null, shape: this.input, values: image }];
    const made = this.inside.map((layer) => new Float32Array(Live.size(layer.output)));
    this.compute(image, made);
    this.inside.forEach((layer, number) => outputs.push({ layer, shape: layer.output, values: made[number] }));
    if (this.views) {
      const layer = this.layers.at(-1);
      const parts = this.answers(image);
      outputs.push({ layer, shape: layer.output, values: Live.mean(parts), parts });
    }
    return outputs;
  }

  answer(pixels) {
    const image = this.image(pixels);
    return this.views ? Live.mean(this.answers(image)) : this.compute(image, this.buffers).slice();
  }

  /** Returns a copy of an image, with zeros for what is missing. */
  image(pixels) {
    const image = new Float32Array(Live.size(this.input));
    for (let i = 0; i < image.length && i < (pixels?.length ?? 0); i++) image[i] = pixels[i];
    return image;
  }

  /** Fills one array per layer, and returns the last. */
  compute(image, arrays) {
    return this.inside.reduce((values, layer, number) => {
      layer.known.compute(layer, values, arrays[number]);
      return arrays[number];
    }, image);
  }

  /** Returns the answers to all views of an image. */
  answers(image) {
    return this.views.map((moves) => {
      const view = moves.reduce((values, layer) => {
        const moved = new Float32Array(Live.size(layer.output));
        layer.known.compute(layer, values, moved);
        return moved;
      }, image);
      return this.compute(view, this.buffers).slice();
    });
  }

  arithmetic(outputs, entry, value) {
    const there = outputs?.[entry];
    if (!there || !(value >= 0 && value < there.values.length && Number.isInteger(value))) return null;
    const found = { entry, index: value, value: there.values[value] };
    if (!there.layer) return { kind: "input", inputs: [], ...found };
    if (there.parts) return { kind: "views", inputs: [], answers: there.parts.map((part) => part[value]), ...found };
    return { ...there.layer.known.arithmetic(there.layer, outputs[entry - 1].values, value), ...found };
  }

  weighs(outputs, entry, unit) {
    const layer = outputs?.[entry]?.layer;
    if (layer?.kind !== "Dense" || !(unit >= 0 && unit < Live.size(layer.output))) return null;
    const values = Live.denseProducts(layer, outputs[entry - 1].values, unit);
    let before = entry - 1; // through layers that leave all values where they are, to the maps that they came from
    while (outputs[before].shape.length < 3 && outputs[before].layer?.known.inPlace) before--;
    const { shape } = outputs[before];
    return { values, shape: Live.size(shape) === values.length ? shape : [values.length] };
  }
};

/** Returns the mean of arrays of the same length. */
Live.mean = (arrays) => arrays[0].map((_, i) => arrays.reduce((sum, array) => sum + array[i], 0) / arrays.length);
