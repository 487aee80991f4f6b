// Shows what each layer makes of the image, and opens the value that is pointed at.
"use strict";

(() => {
  const DOES = {
    Activation: "Changes each value alone.",
    AveragePooling2D: "Of each window the mean remains.",
    BatchNormalization: "Shifts and scales each map, so that its values are neither large nor small.",
    Conv2D: "Each kernel slides over all that is before it, and makes one feature map.",
    Dense: "Each unit weighs all values before it, and adds them.",
    DepthwiseConv2D: "Each map has a kernel of its own that slides over it.",
    Flatten: "The same values in one row: which are neighbours is forgotten.",
    GlobalAveragePooling2D: "Of each map the mean remains.",
    GlobalMaxPooling2D: "Of each map the largest value remains.",
    MaxPooling2D: "Of each window the largest value remains.",
    ReLU: "What is below 0 becomes 0.",
    Rescaling: "Scales each value.",
    Views: "The mean of the answers to several views of the image.",
    ZeroPadding2D: "Adds zeros around the image.",
  };

  /** A layer in words: what it is, its name, and the shape of its output. */
  const title = ({ layer, shape }) => {
    const size = Live.shapeInWords(shape);
    return layer ? [layer.kind, `${layer.name}, ${size}`] : ["Image", `as the network takes it, ${size}`];
  };

  const heading = (output) => {
    const [kind, more] = title(output);
    return Live.element("h3", {}, kind, " ", Live.element("span", { class: "soft" }, more));
  };

  Live.Layers = class {
    /** `ink` and `range` are how the image is drawn, `largest` and `zoom` how wide a single map may become, see Live.Maps. */
    constructor(list, panel, network, data, voice, { ink = true, range = null, largest = 140, zoom = 12 } = {}) {
      Object.assign(this, { list, panel, network, data, voice, ink, range, largest, zoom, views: [], outputs: null, selected: null });
    }

    /** Makes a part of the page for each layer that changes something; for the others a line. */
    build(outputs) {
      this.list.replaceChildren();
      this.panel.replaceChildren();
      this.selected = null;
      this.views = outputs.map((output, entry) => {
        if (output.layer?.passes) {
          const does = Live.element("p", { class: "soft" }, "Works in training only; here it changes nothing.");
          this.list.append(Live.element("section", { class: "layer" }, heading(output), does));
          return null;
        }
        const isPicture = outputs.slice(1, entry + 1).every(({ layer }) => layer.kind === "ZeroPadding2D");
        const [ink, range] = isPicture ? [this.ink, this.range] : [false, null];
        const maps = new Live.Maps(output.shape, { ink, range, largest: this.largest, zoom: this.zoom, label: title(output).join(" ") });
        const legend = Live.legend(ink, range);
        const { canvas } = maps;
        canvas.tabIndex = 0;
        canvas.setAttribute("role", "application");
        canvas.setAttribute("aria-describedby", this.list.id.replace("-layers", "-keys"));
        const does = Live.element("p", { class: "soft" }, DOES[output.layer?.kind] ?? "");
        const drawn = Live.element("div", { class: "maps" }, canvas);
        this.list.append(Live.element("section", { class: "layer" }, heading(output), does, legend.element, drawn));
        const point = (event) => this.select(entry, maps.at(event));
        canvas.addEventListener("pointermove", point);
        canvas.addEventListener("pointerdown", point);
        canvas.addEventListener("focus", () => this.selected?.entry === entry || this.select(entry, 0));
        canvas.addEventListener("keydown", (event) => {
          const next = this.selected?.entry === entry ? maps.beside(this.selected.index, event.key) : null;
          if (next === null) return;
          event.preventDefault();
          this.select(entry, next);
        });
        return { maps, legend };
      });
    }

    /** Shows what a network makes of an image; `stops` are the places in the image that get a dot. */
    show(outputs, stops = []) {
      this.outputs = outputs;
      const shapes = JSON.stringify(outputs.map(({ layer, shape }) => [layer?.kind, shape]));
      if (this.shapes !== shapes) this.build(outputs); // a network on this page may change
      this.shapes = shapes;
      this.list.hidden = false;
      this.views.forEach((view, entry) => {
        if (!view) return;
        view.legend.redraw(outputs[entry].values);
        view.maps.stops = entry === 0 ? stops : [];
        view.maps.draw(outputs[entry].values, this.marksOf(entry));
      });
      this.open();
    }

    clear() {
      this.list.hidden = true;
      this.outputs = null;
      this.panel.replaceChildren();
    }

    /** The values that are framed in a layer: the selected one, or those that it was computed from. */
    marksOf(entry) {
      const { selected, found } = this;
      if (!selected || !found) return [];
      if (entry === selected.entry) return [selected.index];
      return entry === this.shownBefore(selected.entry) ? found.inputs : [];
    }

    /** The last entry before one that is shown; those between leave all values as they are. */
    shownBefore(entry) {
      let before = entry - 1;
      while (before > 0 && !this.views[before]) before--;
      return before;
    }

    /** The shape of the maps whose values an entry holds, in the same order; its own if it does not come from maps. */
    mapsOf(entry) {
      let from = entry;
      while (this.outputs[from].layer?.passes || this.outputs[from].layer?.kind === "Flatten") from--;
      return this.outputs[from].shape;
    }

    select(entry, index) {
      if (index === null || (this.selected?.entry === entry && this.selected.index === index)) return;
      const old = this.selected;
      this.selected = { entry, index };
      this.open();
      const touched = new Set([old, this.selected].flatMap((each) => (each ? [each.entry, this.shownBefore(each.entry)] : [])));
      for (const each of touched) this.views[each]?.maps.draw(undefined, this.marksOf(each));
      this.voice.say([...this.panel.querySelectorAll("h3, p")].map((each) => each.textContent).join(" "));
    }

    /** Shows the arithmetic of the selected value. */
    open() {
      const { selected, outputs, network, panel } = this;
      this.found = selected && outputs && network.arithmetic(outputs, selected.entry, selected.index);
      if (!this.found) return;
      const { entry, index } = selected;
      const output = outputs[entry];
      const isLast = entry === outputs.length - 1 && output.shape.length === 1;
      const name = isLast ? `${this.data.classes[index] ?? index}, in the answer` : Live.placeInWords(this.mapsOf(entry), index);
      const before = (place) => Live.placeInWords(this.mapsOf(entry - 1), place);
      panel.replaceChildren(
        Live.element("h3", {}, `${output.layer?.name ?? "image"}, ${name}: `, Live.element("strong", {}, Live.inDigits(output.values[index]))),
        ...Live.explained(this.found, { classes: this.data.classes, before }),
      );
      this.weigh(entry, index);
    }

    /** Shows, for a unit of a dense layer, what each value before it adds to its sum, as a picture. */
    weigh(entry, index) {
      const weighed = this.network.weighs(this.outputs, entry, index);
      if (!weighed) return;
      const maps = new Live.Maps(weighed.shape, { label: "What each value before this unit adds to its sum" });
      const legend = Live.legend(false);
      this.panel.append(Live.element("p", {}, "What each value before it adds to its sum: orange raises it, blue lowers it."), legend.element, Live.element("div", { class: "maps" }, maps.canvas));
      legend.redraw(weighed.values);
      maps.draw(weighed.values, []);
    }
  };
})();
