// One value of a layer, opened: the numbers that it was computed from, and each step between them.

// All of them name, in `inputs`, the places of the values before the layer that were used.
// An activation that belongs to a layer is told by `activation`, `before` and `after`, and softmax also by `softmax`.

Live.MOST_CONTRIBUTIONS = 10;

/** Returns the activation of the value at `unit`, of all the sums of its place. */
Live.openActivation = (activation, sums, unit) => {
  const before = sums[unit];
  const after = new Float64Array(1);
  if (!Live.together[activation]) Live.activate(activation, sums.slice(unit, unit + 1), after, 0);
  else after[0] = Live.appliedTogether(activation, sums)[unit];
  const softmax = activation === "softmax" ? { softmax: Live.openPowers(sums, unit) } : {};
  return { activation, before, after: after[0], ...softmax };
};

Live.appliedTogether = (name, values) => {
  const result = Float64Array.from(values);
  Live.together[name](result);
  return result;
};

/** Softmax, step by step; where e to the power of a value would be too large to read, the largest is subtracted. */
Live.openPowers = (values, unit) => {
  const largest = Live.largest(values);
  const subtracted = Math.abs(largest) > 20 ? largest : 0;
  const exponents = Array.from(values, (value) => value - subtracted);
  const powers = exponents.map(Math.exp);
  const sum = powers.reduce((total, power) => total + power, 0);
  return { exponents, subtracted, powers, sum, unit, value: powers[unit] / sum };
};

/** {row, unit, contributions: the largest, [{input, value, weight, product}], rest: {count, sum}, bias, sum}. */
Live.openDense = (layer, input, value) => {
  const { units, activation } = layer.settings;
  const [row, unit, length] = [Math.floor(value / units), value % units, layer.input.at(-1)];
  const kernel = layer.weights.kernel.values;
  const all = Array.from({ length }, (_, i) => {
    const [from, weight] = [input[row * length + i], kernel[i * units + unit]];
    return { input: row * length + i, value: from, weight, product: from * weight };
  });
  const sum = all.reduce((total, { product }) => total + product, 0);
  const sorted = [...all].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const rest = sorted.slice(Live.MOST_CONTRIBUTIONS);
  const sums = new Float64Array(units);
  Live.denseSums(layer, input, row, sums);
  return {
    kind: "dense", inputs: all.map((each) => each.input), row, unit, sum, bias: layer.weights.bias?.values[unit] ?? 0,
    contributions: sorted.slice(0, Live.MOST_CONTRIBUTIONS),
    rest: { count: rest.length, sum: rest.reduce((total, { product }) => total + product, 0) },
    ...Live.openActivation(activation, sums, unit),
  };
};

/** What each value before a dense layer adds to one unit's sum. */
Live.denseProducts = (layer, input, value) => {
  const { units } = layer.settings;
  const length = layer.input.at(-1);
  const first = Math.floor(value / units) * length;
  const kernel = layer.weights.kernel.values;
  return Float32Array.from({ length }, (_, i) => input[first + i] * kernel[i * units + (value % units)]);
};

/**
 * {y, x, filter, size: [height, width] of the kernel, channels: those of the input that this filter sees, and for each
 * of them, as lists of height * width: places (-1 beyond the border), patch, kernel, products, and their sum in sums}.
 */
Live.openConvolution = (layer, input, value) => {
  const { plan, settings } = layer;
  const filters = layer.output[2];
  const filter = value % filters;
  const [y, x] = [Math.floor(value / filters / plan.outWidth), Math.floor(value / filters) % plan.outWidth];
  const count = plan.channels / plan.groups; // channels that a filter sees
  const first = Math.floor((filter * plan.groups) / filters) * count;
  const steps = Array.from({ length: plan.kernelHeight * plan.kernelWidth }, (_, step) => step);
  const places = Array.from({ length: count }, (_, channel) => steps.map((step) => {
    const fromY = y * plan.strideY + plan.top + Math.floor(step / plan.kernelWidth) * plan.dilationY;
    const fromX = x * plan.strideX + plan.left + (step % plan.kernelWidth) * plan.dilationX;
    const inside = fromY >= 0 && fromY < plan.height && fromX >= 0 && fromX < plan.width;
    return inside ? (fromY * plan.width + fromX) * plan.channels + first + channel : -1;
  }));
  const patch = places.map((each) => each.map((place) => (place < 0 ? 0 : input[place])));
  const weights = layer.weights.kernel.values;
  const kernel = places.map((_, c) => steps.map((step) => weights[(step * count + c) * filters + filter]));
  const products = patch.map((values, c) => values.map((each, step) => each * kernel[c][step]));
  const channelSums = products.map((each) => each.reduce((total, product) => total + product, 0));
  const sums = new Float64Array(filters);
  Live.convolutionSums(layer, input, y, x, sums);
  return {
    kind: "convolution", inputs: places.flat().filter((place) => place >= 0), y, x, filter,
    size: [plan.kernelHeight, plan.kernelWidth], channels: places.map((_, channel) => first + channel),
    places, patch, kernel, products, sums: channelSums, sum: channelSums.reduce((total, each) => total + each, 0),
    bias: layer.weights.bias?.values[filter] ?? 0, ...Live.openActivation(settings.activation, sums, filter),
  };
};

/** {y, x, channel, size, window: its values, winner: the place in it of the largest, or mean}. */
Live.openPooling = (layer, input, value) => {
  const { plan } = layer;
  const channel = value % plan.channels;
  const place = Math.floor(value / plan.channels);
  const [y, x] = [Math.floor(place / plan.outWidth), place % plan.outWidth];
  const inputs = [];
  Live.eachInWindow(plan, y, x, channel, (index) => inputs.push(index));
  const window = inputs.map((index) => input[index]);
  const found = Live.isMaximum(layer)
    ? { winner: window.indexOf(Live.largest(window)) }
    : { mean: window.reduce((total, each) => total + each, 0) / window.length };
  return { kind: "pooling", inputs, y, x, channel, size: [plan.kernelHeight, plan.kernelWidth], window, ...found };
};

/** {from, mean, variance, epsilon, deviation, gamma, beta, result}; `inputs` are all values whose mean it is. */
Live.openNormalisation = (layer, input, value) => {
  const { group, unit, moments = Live.moments } = Live.normalisations[layer.kind];
  const [means, variances] = moments(layer, input);
  const [own, to] = [group(layer, value), unit(layer, value)];
  const all = moments === Live.moments ? Array.from(input.keys()).filter((i) => group(layer, i) === own) : [value];
  const deviation = Live.deviation(layer, variances[own]);
  const [gamma, beta] = [layer.weights.gamma?.values[to] ?? 1, layer.weights.beta?.values[to] ?? 0];
  const { invert = false, epsilon = 0 } = layer.settings;
  const from = input[value];
  const result = invert ? means[own] + from * deviation : ((from - means[own]) / deviation) * gamma + beta;
  return {
    kind: "normalisation", inputs: all, from, mean: means[own], variance: variances[own], epsilon, deviation,
    gamma, beta, invert, result,
  };
};

/** {before, after} of a layer that computes each value alone; a rescaling also says its scale and offset. */
Live.openAlone = (layer, input, value, make) => {
  const { scale, offset, activation } = layer.settings;
  const opened = { inputs: [value], before: input[value], after: make(input[value], layer, value) };
  if (layer.kind === "Rescaling") return { kind: "rescaling", scale, offset, ...opened };
  return { kind: "activation", activation: activation ?? layer.kind, ...opened };
};

/** Softmax and its like as a layer: {before, after} and, for softmax, its steps; `inputs` are the values of its sum. */
Live.openTogether = (layer, input, value, name) => {
  const { inner, axis } = layer;
  const length = layer.input[axis];
  const unit = Math.floor(value / inner) % length;
  const inputs = Array.from({ length }, (_, i) => value + (i - unit) * inner);
  const values = Float64Array.from(inputs, (place) => input[place]);
  const opened = Live.openActivation(name, values, unit);
  return { kind: name === "softmax" ? "softmax" : "activation", inputs, ...opened, ...opened.softmax };
};

/** {from}: a value that was only moved, or a zero from beyond the border. */
Live.openMoved = (layer, input, value, place) =>
  ({ kind: "moved", inputs: place < 0 ? [] : [place], from: place, after: place < 0 ? 0 : input[place] });
