// Lets a reader change picture, kernel, stride, padding and pooling, and shows what the convolution makes of them.
"use strict";

(() => {
  const LONGEST = 128; // pixels of the longer side of a picture from disk
  const REACH = 5; // a weight is from -REACH to REACH
  const at = (name) => document.getElementById(`live-${name}`);

  /** The values that a reader has chosen. */
  class Workbench {
    constructor(data) {
      this.data = data;
      this.pictures = Object.fromEntries(Object.entries(data.pictures).map(([name, { height, width, pixels }]) => {
        const values = Float32Array.from(atob(pixels), (character) => character.charCodeAt(0) / 255);
        return [name, { height, width, values }];
      }));
      this.weights = [...data.kernels[data.kernel]];
      const voice = new Live.Voice(at("spoken"));
      const drawn = { ink: "brightness", largest: 280 };
      this.layers = new Live.Layers(at("layers"), at("value"), null, { classes: [] }, voice, drawn);
      this.addControls();
      Live.inBothSchemes(() => this.update());
      new ResizeObserver(() => this.update()).observe(at("layers"));
    }

    addControls() {
      for (const name of Object.keys(this.pictures)) at("picture").append(Live.element("option", {}, name));
      for (const name of Object.keys(this.data.kernels)) at("kernel").append(Live.element("option", {}, name));
      at("kernel").value = this.data.kernel;
      for (const name of ["stride", "padding", "pooling", "pool_size"]) {
        at(name).value = this.data[name];
        at(name).addEventListener("change", () => this.update());
      }
      at("picture").addEventListener("change", () => this.update());
      at("kernel").addEventListener("change", () => {
        this.weights = [...this.data.kernels[at("kernel").value]];
        this.showWeights();
        this.update();
      });
      at("file").addEventListener("change", () => (this.open(at("file").files[0]), (at("file").value = "")));
      this.sliders = this.weights.map((_, i) => {
        const label = `Weight in row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}`;
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
      at("source").textContent = photo.problem ?? `${file.name}, its brightness.`;
      if (photo.problem) return;
      if (!this.pictures.yours) at("picture").append(Live.element("option", {}, "yours"));
      const small = Live.shrunk(Live.grey(photo.pixels), LONGEST);
      this.pictures.yours = { ...small, values: small.values.map((value) => value / 255) };
      at("picture").value = "yours";
      this.update();
    }

    /** The convolution and the pooling as a network, which Live.read reads. */
    network({ height, width }) {
      const [stride, size] = [Number(at("stride").value), Number(at("pool_size").value)];
      const convolution = {
        filters: 1, kernel_size: [3, 3], strides: [stride, stride], padding: at("padding").value,
        dilation_rate: [1, 1], groups: 1, activation: "linear",
      };
      const pooling = { pool_size: [size, size], strides: [size, size], padding: "valid" };
      return {
        input: [height, width, 1],
        layers: [
          { name: "convolution", kind: "Conv2D", settings: convolution, weights: [{ name: "kernel", shape: [3, 3, 1, 1], data: this.weights }] },
          { name: "pooling", kind: at("pooling").value === "max" ? "MaxPooling2D" : "AveragePooling2D", settings: pooling, weights: [] },
        ],
      };
    }

    update() {
      const picture = this.pictures[at("picture").value];
      const network = Live.read(this.network(picture));
      const empty = network.layers.some(({ output }) => Live.size(output) === 0);
      at("problem").textContent = empty ? "Nothing would be left of this picture; take a smaller stride or pooling." : "";
      if (empty) return;
      this.layers.network = network;
      this.layers.show(network.run(picture.values));
    }
  }

  Live.workbench = new Workbench(JSON.parse(at("data").textContent));
})();
