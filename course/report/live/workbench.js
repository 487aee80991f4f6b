// Lets a reader change picture, kernel, stride, padding and pooling, and shows what the convolution makes of them.
"use strict";

(() => {
  const LONGEST = 128; // pixels of the longer side of a picture from disk
  const REACH = 5; // a weight is from -REACH to REACH
  const SIDE = 3; // of a kernel

  /** How many zeros a convolution adds [above, below] and [before, after] the pixels. */
  const zerosOf = ({ height, width, outHeight, outWidth, strideY, strideX, top, left }) => {
    const reached = [(outHeight - 1) * strideY + SIDE + top, (outWidth - 1) * strideX + SIDE + left]; // by the last stop
    return [[-top, Math.max(reached[0] - height, 0)], [-left, Math.max(reached[1] - width, 0)]];
  };

  /** How many stops a convolution makes in each row of a picture, as arithmetic. */
  const stopsInWords = ({ padding, strides: [stride] }, plan) => {
    const { width, outWidth } = plan;
    const [sum, exact, rounded] = padding === "same"
      ? [`${width} / ${stride}`, width / stride, "rounded up"]
      : [`(${width} − ${SIDE}) / ${stride} + 1`, (width - SIDE) / stride + 1, "rounded down"];
    const [, [before, after]] = zerosOf(plan);
    const zeros = padding === "same" ? ` Zeros: ${before} before and ${after} after the pixels.` : "";
    return `In each row: ${sum} = ${Live.inDigits(exact)}${outWidth === exact ? "" : `, ${rounded}: ${outWidth}`} stops.${zeros}`;
  };

  /**
   * A picture, a kernel, and what comes of them. What there is no control for has the value that the page gives.
   *
   * In the element with `data-workbench`: `data-picture` names the picture; with `data-opened` one value of the last map
   * is opened at the start; with `data-zeros` zeros around the picture are a map of their own.
   */
  class Workbench {
    constructor({ workbench, picture, opened, zeros }, data) {
      Object.assign(this, { data, picture, opened, zeros });
      this.at = (name) => document.getElementById(`${workbench}-${name}`);
      this.pictures = Object.fromEntries(Object.entries(data.pictures).map(([name, { height, width, pixels }]) => {
        const values = Float32Array.from(atob(pixels), (character) => character.charCodeAt(0) / 255);
        return [name, { height, width, values }];
      }));
      this.weights = [...data.kernels[data.kernel]];
      this.voice = new Live.Voice(this.at("spoken"));
      const drawn = { ink: "brightness", largest: 280, zoom: picture ? 22 : 12 };
      this.layers = new Live.Layers(this.at("layers"), this.at("value"), null, { classes: [] }, this.voice, drawn);
      this.addControls();
      Live.inBothSchemes(() => this.update());
      new ResizeObserver(() => this.update()).observe(this.at("layers"));
    }

    /** What a reader has chosen, or the page's value where nothing can be chosen. */
    chosen(name) {
      return this.at(name)?.value ?? this.data[name];
    }

    addControls() {
      for (const name of ["stride", "padding", "pooling", "pool_size"]) {
        if (!this.at(name)) continue;
        this.at(name).value = this.data[name];
        this.at(name).addEventListener("change", () => this.update());
      }
      if (this.at("picture")) {
        for (const name of Object.keys(this.pictures)) {
          if (name !== "part") this.at("picture").append(Live.element("option", {}, name));
        }
        this.at("picture").addEventListener("change", () => this.update());
      }
      if (this.at("kernel")) this.addKernels();
    }

    addKernels() {
      const at = this.at;
      for (const name of Object.keys(this.data.kernels)) at("kernel").append(Live.element("option", {}, name));
      at("kernel").value = this.data.kernel;
      at("kernel").addEventListener("change", () => {
        this.weights = [...this.data.kernels[at("kernel").value]];
        this.showWeights();
        this.update();
      });
      at("file").addEventListener("change", () => (this.open(at("file").files[0]), (at("file").value = "")));
      this.sliders = this.weights.map((_, i) => {
        const label = `Weight in row ${Math.floor(i / SIDE) + 1}, column ${(i % SIDE) + 1}`;
        const slider = Live.element("input", { type: "range", min: -REACH, max: REACH, step: "any", "aria-label": label });
        const shown = Live.element("output");
        slider.addEventListener("input", () => {
          this.weights[i] = Math.round(slider.value * 10) / 10;
          shown.textContent = Live.inDigits(this.weights[i]);
          this.update();
        });
        at("weights").append(Live.element("div", {}, shown, slider));
        return { slider, shown };
      });
      this.showWeights();
    }

    showWeights() {
      this.sliders.forEach(({ slider, shown }, i) => {
        slider.value = this.weights[i];
        shown.textContent = Live.inDigits(this.weights[i]);
      });
    }

    async open(file) {
      if (!file) return;
      const photo = await Live.decoded(file, LONGEST);
      this.at("source").textContent = photo.problem ?? `${file.name}, its brightness.`;
      if (photo.problem) return;
      if (!this.pictures.yours) this.at("picture").append(Live.element("option", {}, "yours"));
      const small = Live.shrunk(Live.grey(photo.pixels), LONGEST);
      this.pictures.yours = { ...small, values: small.values.map((value) => value / 255) };
      this.at("picture").value = "yours";
      this.update();
    }

    /** The convolution, and relu and pooling after it, as a network, which Live.read reads. */
    network({ height, width }) {
      const [stride, size] = [Number(this.chosen("stride")), Number(this.chosen("pool_size"))];
      const settings = {
        filters: 1, kernel_size: [SIDE, SIDE], strides: [stride, stride], padding: this.chosen("padding"),
        dilation_rate: [1, 1], groups: 1, activation: "linear",
      };
      const kernel = { name: "kernel", shape: [SIDE, SIDE, 1, 1], data: this.weights };
      const layers = [{ name: "convolution", kind: "Conv2D", settings, weights: [kernel] }];
      if (this.at("pooling")) {
        const pooling = { pool_size: [size, size], strides: [size, size], padding: "valid" };
        layers.push({ name: "relu", kind: "ReLU", settings: { max_value: null, negative_slope: 0, threshold: 0 }, weights: [] });
        layers.push({ name: "pooling", kind: this.chosen("pooling") === "max" ? "MaxPooling2D" : "AveragePooling2D", settings: pooling, weights: [] });
      }
      return { input: [height, width, 1], layers };
    }

    /** The same, with the zeros that its convolution adds as a layer of their own. */
    withZeros({ input, layers: [convolution, ...others] }, plan) {
      const zeros = { name: "zeros", kind: "ZeroPadding2D", settings: { padding: zerosOf(plan) }, weights: [] };
      const inside = { ...convolution, settings: { ...convolution.settings, padding: "valid" } };
      return { input, layers: [zeros, inside, ...others] };
    }

    update() {
      const picture = this.pictures[this.picture ?? this.chosen("picture")];
      const described = this.network(picture);
      let network = Live.read(described);
      const empty = network.layers.some(({ output }) => Live.size(output) === 0);
      if (this.at("problem")) this.at("problem").textContent = empty ? "Nothing would be left of this picture; take a smaller stride or pooling." : "";
      if (empty) return;
      const [{ settings, plan }, , pooling] = network.layers;
      this.say(stopsInWords(settings, plan), pooling);
      if (this.zeros && settings.padding === "same") network = Live.read(this.withZeros(described, plan));
      this.layers.network = network;
      this.layers.show(network.run(picture.values), this.stops(plan));
      if (this.opened && !this.layers.selected) this.openTheLargest();
    }

    say(stops, pooling) {
      const sizes = pooling && [pooling.input, pooling.output].map((shape) => Live.size(shape).toLocaleString("en"));
      const words = sizes ? `${stops} Pooling makes ${sizes[1]} values of ${sizes[0]}.` : stops;
      if (this.at("says").textContent && this.at("says").textContent !== words) this.voice.say(words);
      this.at("says").textContent = words;
    }

    /** The places in the picture on which the middle of the kernel stops, if there are some that it leaves out. */
    stops({ width, outHeight, outWidth, strideY, strideX, top, left }) {
      if (!this.at("stride") || this.zeros || this.at("pooling")) return [];
      const middle = Math.floor(SIDE / 2);
      return Array.from({ length: outHeight * outWidth }, (_, i) =>
        (Math.floor(i / outWidth) * strideY + top + middle) * width + (i % outWidth) * strideX + left + middle);
    }

    openTheLargest() {
      const { values } = this.layers.outputs.at(-1);
      const sizes = Array.from(values, Math.abs);
      this.layers.select(this.layers.outputs.length - 1, sizes.indexOf(Live.largest(sizes)));
    }
  }

  const data = JSON.parse(document.getElementById("live-data").textContent);
  const places = [...document.querySelectorAll("[data-workbench]")];
  Live.workbenches = Object.fromEntries(places.map(({ dataset }) => [dataset.workbench, new Workbench(dataset, data)]));
})();
