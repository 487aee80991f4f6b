// Says how one value was computed: its arithmetic in words and small tables.
"use strict";

(() => {
  const MOST_CHANNELS = 3; // of a convolution, whose tables are shown in full
  const digits = (value) => Live.inDigits(value);
  const added = (value) => `${value < 0 ? "−" : "+"} ${digits(Math.abs(value))}`;
  const words = (...children) => Live.element("p", {}, ...children);
  const result = (value) => Live.element("strong", {}, digits(value));
  const bracketed = (value) => (value < 0 ? `(${digits(value)})` : digits(value));

  /** Numbers as a table of rows of `width`; those for which `marked(i)` is true are set off. */
  const grid = (caption, values, width, marked = () => false) => {
    const table = Live.element("table", { class: "grid" }, Live.element("caption", {}, caption));
    for (let start = 0; start < values.length; start += width) {
      const row = Live.element("tr");
      values.slice(start, start + width).forEach((value, i) => {
        row.append(Live.element("td", marked(start + i) ? { class: "marked" } : {}, digits(value)));
      });
      table.append(row);
    }
    return table;
  };

  const list = (heads, rows) => {
    const table = Live.element("table", { class: "sums" });
    table.append(Live.element("thead", {}, Live.element("tr", {}, ...heads.map((head) => Live.element("th", { scope: "col", class: "of" }, head)))));
    table.append(Live.element("tbody", {}, ...rows.map((row) => Live.element("tr", {}, ...row.map((cell) => Live.element("td", { class: "of" }, cell))))));
    return table;
  };

  const ACTIVATIONS = {
    relu: "Relu keeps what is above 0, and makes the rest 0",
    sigmoid: "Sigmoid brings any number between 0 and 1",
    tanh: "Tanh brings any number between −1 and 1",
  };

  /** What the activation makes of a sum; nothing where there is none. */
  const activated = ({ activation, before, after, softmax }, context) => {
    if (!activation || activation === "linear") return [];
    if (softmax) return powers(softmax, context);
    const what = ACTIVATIONS[activation] ?? `The activation ${activation}`;
    return [words(`${what}: ${digits(before)} becomes `, result(after), ".")];
  };

  const powers = ({ exponents, subtracted, powers: raised, sum, unit, value }, { classes }) => {
    const why = subtracted ? ` (the largest, ${digits(subtracted)}, is subtracted from each, which changes no result)` : "";
    const names = classes.length === raised.length ? classes : raised.map((_, i) => `${i}`);
    const rows = raised.map((power, i) => [names[i], digits(exponents[i]), digits(power), Live.inPercent(power / sum)]);
    return [
      words(`Softmax makes probabilities of all sums: e to the power of each${why}, divided by the sum of these powers.`),
      list(["class", "sum", "e to it", "part"], rows),
      words(`${digits(raised[unit])} / ${digits(sum)} = `, result(value)),
    ];
  };

  const summed = ({ sum, bias, before }) => words(`The sum and the bias: ${digits(sum)} ${added(bias)} = ${digits(before)}.`);

  const EXPLAINED = {
    input: ({ value }) => [words("This is a pixel of the image as the network takes it: ", result(value), ".")],

    convolution(found, context) {
      const { size, channels, patch, kernel, products, sums, places, filter } = found;
      const order = Array.from(channels.keys()).sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
      const shown = order.slice(0, MOST_CHANNELS);
      const rest = order.slice(MOST_CHANNELS).reduce((total, each) => total + sums[each], 0);
      const outside = (channel) => (i) => places[channel][i] < 0;
      const several = channels.length > 1;
      return [
        words(`Kernel ${filter} lies on the framed values${several ? ` of ${channels.length} maps` : ""}. Each value is multiplied by the weight that lies on it, and all products are added.`),
        ...shown.flatMap((each) => [
          ...(several ? [Live.element("h4", {}, `Map ${channels[each]}: ${digits(sums[each])}`)] : []),
          Live.element("div", { class: "grids" },
            grid("values", patch[each], size[1], outside(each)), Live.element("span", {}, "×"),
            grid("weights", kernel[each], size[1]), Live.element("span", {}, "="),
            grid("products", products[each], size[1])),
        ]),
        ...(order.length > MOST_CHANNELS ? [words(`The other ${order.length - MOST_CHANNELS} maps add ${digits(rest)}.`)] : []),
        ...(places.flat().some((place) => place < 0) ? [words("What lies beyond the border counts as 0.")] : []),
        summed(found),
        ...activated(found, context),
      ];
    },

    pooling({ window, size, winner, mean, value }) {
      const width = window.length === size[0] * size[1] ? size[1] : window.length;
      const shown = window.length <= 49 ? [Live.element("div", { class: "grids" }, grid("window", window, width, (i) => i === winner))] : [];
      const how = winner === undefined ? `The mean of these ${window.length} values is ` : `The largest of these ${window.length} values is `;
      return [...shown, words(how, result(mean ?? value), ".")];
    },

    dense(found, context) {
      const { contributions, rest, unit } = found;
      const rows = contributions.map(({ input, value, weight, product }) => [context.before(input), digits(value), digits(weight), digits(product)]);
      return [
        words(`Unit ${unit} multiplies each value before it by a weight of its own, and adds the products. The largest of them:`),
        list(["from", "value", "weight", "product"], rows),
        ...(rest.count ? [words(`The other ${rest.count.toLocaleString("en")} products add ${digits(rest.sum)}.`)] : []),
        summed(found),
        ...activated(found, context),
      ];
    },

    softmax: (found, context) => powers(found, context),

    normalisation({ from, mean, variance, epsilon, gamma, beta, result: made, invert }) {
      if (invert) return [words(`${digits(from)} becomes `, result(made), ".")];
      const spread = epsilon ? `√(${digits(variance)} + ${digits(epsilon)})` : `√${digits(variance)}`;
      return [
        words(`Normalisation subtracts a mean, divides by the standard deviation, then scales and shifts:`),
        words(`(${digits(from)} − ${bracketed(mean)}) / ${spread} × ${bracketed(gamma)} ${added(beta)} = `, result(made)),
      ];
    },

    rescaling: ({ before, scale, offset, value }) => [words(`${digits(before)} × ${digits(scale)} ${added(offset)} = `, result(value))],

    activation: (found, context) => (activated(found, context).length ? activated(found, context) : [words(`${digits(found.before)} stays `, result(found.after), ".")]),

    moved: ({ from, value }, { before }) => [
      from < 0 ? words("Beyond the border there is nothing: ", result(value), ".") : words(`The value of ${before(from)}, unchanged: `, result(value), "."),
    ],

    views: ({ answers, value }) => [
      words(`The network looked at ${answers.length} views of the image, each a little shifted or mirrored. The mean of its answers ${answers.map(digits).join(", ")} is `, result(value), "."),
    ],
  };

  /**
   * Elements that say how a value was computed, as network.arithmetic returns it.
   *
   * `context` has the names of the `classes`, and `before(place)`, which says where a value before the layer is.
   */
  Live.explained = (found, context) => EXPLAINED[found.kind]?.(found, context) ?? [words("Its value is ", result(found.value), ".")];
})();
