// The layers that a page can compute, each as Keras does: its output's shape, and its values for one image.

/* Activations: each a function of one value, or of all values of a place together. */

// Abramowitz and Stegun 7.1.26; wrong by at most 1.5e-7.
Live.erf = (x) => {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const polynomial = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - polynomial * Math.exp(-x * x));
};
Live.softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
Live.sigmoid = (x) => 1 / (1 + Math.exp(-x));

Live.activations = {
  celu: (x) => (x > 0 ? x : Math.expm1(x)),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  exponential: Math.exp,
  gelu: (x) => 0.5 * x * (1 + Live.erf(x * Math.SQRT1_2)),
  hard_shrink: (x) => (Math.abs(x) > 0.5 ? x : 0),
  hard_sigmoid: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
  hard_silu: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
  hard_tanh: (x) => Math.min(Math.max(x, -1), 1),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  linear: (x) => x,
  log_sigmoid: (x) => -Live.softplus(-x),
  mish: (x) => x * Math.tanh(Live.softplus(x)),
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  sigmoid: Live.sigmoid,
  silu: (x) => x * Live.sigmoid(x),
  soft_shrink: (x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0),
  softplus: Live.softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  sparse_plus: (x) => (x <= -1 ? 0 : x < 1 ? (x + 1) ** 2 / 4 : x),
  sparse_sigmoid: (x) => Math.min(Math.max((x + 1) / 2, 0), 1),
  squareplus: (x) => (x + Math.sqrt(x * x + 4)) / 2,
  tanh: Math.tanh,
  tanh_shrink: (x) => x - Math.tanh(x),
};

Live.together = {
  softmax(values) {
    const largest = Live.largest(values);
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i] - largest);
    for (let i = 0; i < values.length; i++) values[i] /= sum;
  },
  log_softmax(values) {
    const largest = Live.largest(values);
    const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
    for (let i = 0; i < values.length; i++) values[i] -= largest + Math.log(sum);
  },
};

Live.largest = (values) => values.reduce((largest, value) => (value > largest ? value : largest), -Infinity);

/** Applies an activation to all values of one place, and stores them from `start` on. */
Live.activate = (name, values, output, start) => {
  const together = Live.together[name];
  const alone = Live.activations[name];
  if (together) together(values);
  if (name === "relu") {
    for (let i = 0; i < values.length; i++) output[start + i] = Math.max(values[i], 0);
  } else if (together || name === "linear") {
    for (let i = 0; i < values.length; i++) output[start + i] = values[i];
  } else {
    for (let i = 0; i < values.length; i++) output[start + i] = alone(values[i]);
  }
};

/* Dense layers and convolutions: sums of weighted values, in double, the channel innermost. */

/** Values that are weighted and added up, each by one row of a kernel; most of the time is spent here. */
Live.Weighted = class {
  constructor(most) {
    this.values = new Float64Array(most);
    this.rows = new Int32Array(most);
    this.count = 0;
  }

  add(value, row) {
    if (value === 0) return; // often, after relu and at an image's border
    this.values[this.count] = value;
    this.rows[this.count++] = row;
  }

  /** Adds them to sums[first], ..., sums[last - 1], four at a time, and forgets them. */
  addTo(sums, kernel, first, last) {
    const { values, rows, count } = this;
    let i = 0;
    for (; i + 3 < count; i += 4) {
      const a = values[i], b = values[i + 1], c = values[i + 2], d = values[i + 3];
      const rowA = rows[i], rowB = rows[i + 1], rowC = rows[i + 2], rowD = rows[i + 3];
      for (let unit = first; unit < last; unit++) {
        const both = a * kernel[rowA + unit] + b * kernel[rowB + unit];
        sums[unit] += both + c * kernel[rowC + unit] + d * kernel[rowD + unit];
      }
    }
    for (; i < count; i++) {
      for (let unit = first; unit < last; unit++) sums[unit] += values[i] * kernel[rows[i] + unit];
    }
    this.count = 0;
  }
};

Live.startSums = (layer, sums) => (layer.weights.bias ? sums.set(layer.weights.bias.values) : sums.fill(0));

/** Computes the sums of a dense layer for one row of its input, before the activation. */
Live.denseSums = (layer, input, row, sums) => {
  const length = layer.input.at(-1);
  const units = sums.length;
  Live.startSums(layer, sums);
  for (let i = 0; i < length; i++) layer.weighted.add(input[row * length + i], i * units);
  layer.weighted.addTo(sums, layer.weights.kernel.values, 0, units);
};

/** Where windows stand: their number, the first one's offset, and what is between them, along height or width. */
Live.windows = (length, size, stride, padding, dilation = 1) => {
  const reach = (size - 1) * dilation + 1;
  if (!(size > 0 && stride > 0 && length > 0)) return { count: 0, first: 0 };
  if (padding !== "same") return { count: Math.max(Math.floor((length - reach) / stride) + 1, 0), first: 0 };
  const count = Math.ceil(length / stride);
  return { count, first: -Math.floor(Math.max((count - 1) * stride + reach - length, 0) / 2) };
};

/** Notes in `layer.plan` what a convolution or a pooling does along height and width. */
Live.plan = (layer) => {
  const { kernel_size, pool_size, strides, padding, dilation_rate } = layer.settings;
  const [kernelHeight, kernelWidth] = kernel_size ?? pool_size ?? layer.input; // global pooling: all of the map
  const [strideY, strideX] = strides ?? [kernelHeight, kernelWidth];
  const [dilationY, dilationX] = dilation_rate ?? [1, 1];
  const rows = Live.windows(layer.input[0], kernelHeight, strideY, padding, dilationY);
  const columns = Live.windows(layer.input[1], kernelWidth, strideX, padding, dilationX);
  const [height, width, channels] = layer.input;
  const groups = layer.kind === "DepthwiseConv2D" ? channels : (layer.settings.groups ?? 1);
  layer.plan = {
    height, width, channels, groups, kernelHeight, kernelWidth, strideY, strideX, dilationY, dilationX,
    outHeight: rows.count, outWidth: columns.count, top: rows.first, left: columns.first,
  };
  return layer.plan;
};

/** Computes the sums of a convolution at one place of its output, before the activation. */
Live.convolutionSums = (layer, input, outY, outX, sums) => {
  const { plan, weighted } = layer;
  const { height, width, channels, groups, kernelHeight, kernelWidth } = plan;
  const inputs = channels / groups; // of one group
  const filters = sums.length;
  Live.startSums(layer, sums);
  for (let group = 0; group < groups; group++) {
    for (let ky = 0; ky < kernelHeight; ky++) {
      const y = outY * plan.strideY + plan.top + ky * plan.dilationY;
      if (y < 0 || y >= height) continue;
      for (let kx = 0; kx < kernelWidth; kx++) {
        const x = outX * plan.strideX + plan.left + kx * plan.dilationX;
        if (x < 0 || x >= width) continue;
        const place = (y * width + x) * channels + group * inputs;
        const row = (ky * kernelWidth + kx) * inputs;
        for (let i = 0; i < inputs; i++) weighted.add(input[place + i], (row + i) * filters);
      }
    }
    const first = (group * filters) / groups;
    weighted.addTo(sums, layer.weights.kernel.values, first, first + filters / groups);
  }
};

Live.convolve = (layer, input, output) => {
  const { outHeight, outWidth } = layer.plan;
  const filters = layer.output[2];
  const sums = new Float64Array(filters);
  for (let y = 0, start = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, start += filters) {
      Live.convolutionSums(layer, input, y, x, sums);
      Live.activate(layer.settings.activation, sums, output, start);
    }
  }
};

/* Pooling. */

/** Calls `visit` with the place, in the input, of each value of a pooling window. */
Live.eachInWindow = (plan, outY, outX, channel, visit) => {
  for (let ky = 0; ky < plan.kernelHeight; ky++) {
    const y = outY * plan.strideY + plan.top + ky;
    if (y < 0 || y >= plan.height) continue; // zeros around the image are not part of a window
    for (let kx = 0; kx < plan.kernelWidth; kx++) {
      const x = outX * plan.strideX + plan.left + kx;
      if (x >= 0 && x < plan.width) visit((y * plan.width + x) * plan.channels + channel);
    }
  }
};

Live.isMaximum = (layer) => layer.kind.includes("Max");

Live.pool = (layer, input, output) => {
  const { plan } = layer;
  const maximum = Live.isMaximum(layer);
  for (let y = 0, start = 0; y < plan.outHeight; y++) {
    for (let x = 0; x < plan.outWidth; x++) {
      for (let channel = 0; channel < plan.channels; channel++, start++) {
        let largest = -Infinity;
        let sum = 0;
        let count = 0;
        Live.eachInWindow(plan, y, x, channel, (place) => {
          const value = input[place];
          if (!(value <= largest)) largest = value;
          sum += value;
          count++;
        });
        output[start] = maximum ? largest : sum / count;
      }
    }
  }
};

Live.pooling = {
  shape(layer) {
    const plan = Live.plan(layer);
    return [plan.outHeight, plan.outWidth, plan.channels];
  },
  compute: Live.pool,
  arithmetic: (...opened) => Live.openPooling(...opened),
};
Live.globalPooling = {
  ...Live.pooling,
  shape(layer) {
    const shape = Live.pooling.shape(layer);
    return layer.settings.keepdims ? shape : shape.slice(2);
  },
};

/* Normalisation: (value - mean) / deviation, then times gamma, plus beta. */

/** By kind: whose mean and variance a value is normalised with, whose gamma and beta, and mean and variance. */
Live.normalisations = {
  BatchNormalization: {
    group: (layer, value) => Math.floor(value / layer.inner) % layer.input[layer.settings.axis],
    unit: (layer, value) => Math.floor(value / layer.inner) % layer.input[layer.settings.axis],
    moments: ({ weights }) => [weights.moving_mean.values, weights.moving_variance.values],
  },
  LayerNormalization: {
    group: (layer, value) => Math.floor(value / layer.settings.size),
    unit: (layer, value) => value % layer.settings.size,
  },
  GroupNormalization: {
    group: (layer, value) => Math.floor(((value % layer.input.at(-1)) * layer.settings.groups) / layer.input.at(-1)),
    unit: (layer, value) => value % layer.input.at(-1),
  },
  Normalization: {
    group: (layer, value) => value,
    unit: (layer, value) => value,
    moments: ({ weights }) => [weights.mean.values, weights.variance.values],
  },
};

/** Returns the mean and the variance of each group of values of one image. */
Live.moments = (layer, input) => {
  const { group } = Live.normalisations[layer.kind];
  const counts = [];
  const means = [];
  const variances = [];
  const average = (results, part) => {
    input.forEach((value, i) => (results[group(layer, i)] = (results[group(layer, i)] ?? 0) + part(value, i)));
    counts.forEach((count, i) => (results[i] /= count));
  };
  input.forEach((value, i) => (counts[group(layer, i)] = (counts[group(layer, i)] ?? 0) + 1));
  average(means, (value) => value);
  average(variances, (value, i) => (value - means[group(layer, i)]) ** 2);
  return [means, variances];
};

Live.deviation = ({ kind, settings }, variance) =>
  kind === "Normalization" ? Math.max(Math.sqrt(variance), 1e-7) : Math.sqrt(variance + settings.epsilon);

Live.normalisation = {
  inPlace: true,
  shape: (layer) => layer.input,
  prepare(layer) {
    layer.inner = Live.size(layer.input.slice((layer.settings.axis ?? 0) + 1)); // values from one channel to the next
  },
  compute(layer, input, output) {
    const { group, unit, moments = Live.moments } = Live.normalisations[layer.kind];
    const { gamma, beta } = layer.weights;
    const [means, variances] = moments(layer, input);
    const deviations = Float64Array.from(variances, (variance) => Live.deviation(layer, variance));
    const scales = deviations.map((deviation) => 1 / deviation);
    for (let i = 0; i < output.length; i++) {
      const [from, to] = [group(layer, i), unit(layer, i)];
      if (layer.settings.invert) output[i] = means[from] + input[i] * deviations[from];
      else output[i] = (input[i] - means[from]) * scales[from] * (gamma?.values[to] ?? 1) + (beta?.values[to] ?? 0);
    }
  },
  arithmetic: (...opened) => Live.openNormalisation(...opened),
};

/* Layers that compute each value alone, or move values. */

/** A layer that makes each value of its output of the value at the same place. */
Live.alone = (make) => ({
  inPlace: true,
  shape: (layer) => layer.input,
  compute(layer, input, output) {
    for (let i = 0; i < output.length; i++) output[i] = make(input[i], layer, i);
  },
  arithmetic: (layer, input, value) => Live.openAlone(layer, input, value, make),
});

/** A layer whose output consists of values of its input: `source` gives the place of each, -1 for a zero. */
Live.moving = (shape, source) => ({
  shape: ({ input, settings }) => shape(input, settings),
  prepare(layer) {
    layer.sources = new Int32Array(Live.size(layer.output));
    const place = layer.output.map(() => 0);
    for (let i = 0; i < layer.sources.length; i++) {
      const from = source(place, layer.input, layer.settings);
      const inside = from.every((index, axis) => index >= 0 && index < layer.input[axis]);
      layer.sources[i] = inside ? from.reduce((index, part, axis) => index * layer.input[axis] + part, 0) : -1;
      for (let axis = place.length - 1; axis >= 0 && ++place[axis] === layer.output[axis]; axis--) place[axis] = 0;
    }
  },
  compute(layer, input, output) {
    for (let i = 0; i < output.length; i++) output[i] = layer.sources[i] < 0 ? 0 : input[layer.sources[i]];
  },
  arithmetic: (layer, input, value) => Live.openMoved(layer, input, value, layer.sources[value]),
});

/** A layer that leaves all values in their order. */
Live.kept = (shape) => ({ ...Live.kinds.Identity, shape: ({ input, settings }) => shape(input, settings) });

/** Softmax and its like along one axis, over values that are `layer.inner` apart. */
Live.alongAnAxis = (name) => ({
  inPlace: true,
  shape: (layer) => layer.input,
  prepare(layer) {
    layer.axis = layer.settings.axis ?? layer.input.length - 1;
    layer.inner = Live.size(layer.input.slice(layer.axis + 1));
  },
  compute(layer, input, output) {
    const stretch = layer.inner * layer.input[layer.axis];
    for (let first = 0; first < output.length; first++) {
      if (first % stretch >= layer.inner) continue;
      const values = Float64Array.from({ length: layer.input[layer.axis] }, (_, i) => input[first + i * layer.inner]);
      Live.together[name](values);
      values.forEach((value, i) => (output[first + i * layer.inner] = value));
    }
  },
  arithmetic: (layer, input, value) => Live.openTogether(layer, input, value, name),
});

Live.kinds = {
  Identity: {
    inPlace: true,
    shape: (layer) => layer.input,
    compute: (layer, input, output) => output.set(input),
    arithmetic: (layer, input, value) => Live.openMoved(layer, input, value, value),
  },
  Dense: {
    shape: (layer) => [...layer.input.slice(0, -1), layer.settings.units],
    prepare: (layer) => (layer.weighted = new Live.Weighted(layer.input.at(-1))),
    compute(layer, input, output) {
      const { units, activation } = layer.settings;
      const sums = new Float64Array(units);
      for (let row = 0; row * units < output.length; row++) {
        Live.denseSums(layer, input, row, sums);
        Live.activate(activation, sums, output, row * units);
      }
    },
    arithmetic: (...opened) => Live.openDense(...opened),
  },
  Conv2D: {
    shape(layer) {
      const { outHeight, outWidth, channels } = Live.plan(layer);
      return [outHeight, outWidth, layer.settings.filters ?? channels * layer.settings.depth_multiplier];
    },
    prepare(layer) {
      const { kernelHeight, kernelWidth, channels, groups } = layer.plan;
      layer.weighted = new Live.Weighted((kernelHeight * kernelWidth * channels) / groups);
    },
    compute: Live.convolve,
    arithmetic: (...opened) => Live.openConvolution(...opened),
  },
  MaxPooling2D: Live.pooling,
  AveragePooling2D: Live.pooling,
  GlobalMaxPooling2D: Live.globalPooling,
  GlobalAveragePooling2D: Live.globalPooling,
  BatchNormalization: Live.normalisation,
  LayerNormalization: Live.normalisation,
  GroupNormalization: Live.normalisation,
  Normalization: Live.normalisation,
  Rescaling: Live.alone((value, { settings }) => value * settings.scale + settings.offset),
  ReLU: Live.alone((value, { settings: { max_value, negative_slope, threshold } }) => {
    if (value <= threshold) return negative_slope && negative_slope * (value - threshold); // 0, never -0
    return Math.min(value, max_value ?? Infinity);
  }),
  LeakyReLU: Live.alone((value, { settings }) => (value > 0 ? value : value * settings.negative_slope)),
  ELU: Live.alone((value, { settings }) => (value > 0 ? value : settings.alpha * Math.expm1(value))),
  PReLU: Live.alone((value, { weights }, i) => (value > 0 ? value : value * weights.alpha.values[i])),
  Softmax: Live.alongAnAxis("softmax"),
  ZeroPadding2D: Live.moving(
    ([height, width, channels], { padding: [[above, below], [before, after]] }) =>
      [height + above + below, width + before + after, channels],
    ([y, x, channel], input, { padding: [[above], [before]] }) => [y - above, x - before, channel],
  ),
  Cropping2D: Live.moving(
    ([height, width, channels], { cropping: [[above, below], [before, after]] }) =>
      [Math.max(height - above - below, 0), Math.max(width - before - after, 0), channels],
    ([y, x, channel], input, { cropping: [[above], [before]] }) => [y + above, x + before, channel],
  ),
  UpSampling2D: Live.moving(
    ([height, width, channels], { size }) => [height * size[0], width * size[1], channels],
    ([y, x, channel], input, { size }) => [Math.floor(y / size[0]), Math.floor(x / size[1]), channel],
  ),
  Flip: Live.moving(
    (input) => input,
    (place, input, { axis }) => place.map((index, i) => (i === axis ? input[i] - 1 - index : index)),
  ),
  Permute: Live.moving(
    (input, { dims }) => dims.map((axis) => input[axis - 1]),
    (place, input, { dims }) => input.map((_, axis) => place[dims.indexOf(axis + 1)]),
  ),
};
Live.kinds.DepthwiseConv2D = Live.kinds.Conv2D;
Live.kinds.Flatten = Live.kept((input) => [Live.size(input)]);
Live.kinds.Reshape = Live.kept((input, { target_shape }) => target_shape);
Live.kinds.Activation = {
  inPlace: true,
  shape: (layer) => layer.input,
  prepare: (layer) => {
    const name = layer.settings.activation;
    const alone = Live.activations[name];
    layer.inside = alone ? Live.alone((value) => alone(value)) : Live.alongAnAxis(name);
    layer.inside.prepare?.(layer);
  },
  compute: (layer, input, output) => layer.inside.compute(layer, input, output),
  arithmetic: (layer, input, value) => layer.inside.arithmetic(layer, input, value),
};
