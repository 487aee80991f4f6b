// Puts the page's network to work: what is drawn or chosen goes through it, and all that it makes of it is shown.
"use strict";

(() => {
  const LONGEST = 1000; // pixels of its longer side that are looked at
  const at = (name) => document.getElementById(`live-${name}`);

  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

  class Page {
    constructor(data, network) {
      Object.assign(this, { data, network, pixels: null, selected: null, scheduled: false });
      [this.height, this.width] = data.size;
      this.ink = data.light ? "brightness" : true;
      const range = data.light ? [0, 255] : null; // a faint picture stays faint, and white paper white
      const taken = range && this.prepared(range).map((end) => Number(end.toFixed(6))); // 1e-11 is 0
      this.voice = new Live.Voice(at("spoken"));
      this.answer = new Live.Answer(data, { bars: at("bars"), says: at("says"), before: at("before"), voice: this.voice });
      this.seen = new Live.Maps(data.size, { ink: this.ink, range, label: "What the network sees", largest: 200 });
      at("seen").append(this.seen.canvas);
      Object.assign(this.seen.canvas, { tabIndex: 0 });
      this.seen.canvas.setAttribute("role", "application");
      this.seen.canvas.setAttribute("aria-label", `What the network sees, ${this.height} x ${this.width} pixels; arrow keys move the square that covers a part`);
      this.whatIf = new Live.WhatIf(this.seen.canvas, this.height, this.width, data.paper, () => this.schedule());
      this.pad = new Live.Pad(at("pad"), (ink) => this.see(ink && Live.ofDrawing(ink, data.kind, this.width, this.height, data.paper)));
      this.layers = new Live.Layers(at("layers"), at("value"), network, data, this.voice, { ink: this.ink, range: taken });
      this.addControls();
      this.addExamples();
      Live.inBothSchemes(() => this.schedule());
      new ResizeObserver(() => this.schedule()).observe(at("layers"));
    }

    addControls() {
      const pressed = (name, act) => at(name).addEventListener("click", act);
      pressed("undo", () => this.pad.undo());
      pressed("clear", () => this.pad.clear());
      const shift = (right, down) => () => (this.whatIf.shift(right, down), this.schedule());
      pressed("left", shift(-1, 0));
      pressed("right", shift(1, 0));
      pressed("up", shift(0, -1));
      pressed("down", shift(0, 1));
      at("cover").addEventListener("change", () => (this.whatIf.cover(at("cover").checked), this.schedule()));
      pressed("reset", () => this.reset());
      at("file").addEventListener("change", () => (this.open(at("file").files[0]), (at("file").value = "")));
      const over = (event, is) => (event.preventDefault(), at("drop").classList.toggle("over", is));
      // Anywhere on the page: beside the pad, the browser would leave the page and open the file.
      document.addEventListener("dragover", (event) => over(event, true));
      document.addEventListener("dragleave", (event) => over(event, false));
      document.addEventListener("drop", (event) => {
        over(event, false);
        this.open(event.dataTransfer.files[0]);
      });
    }

    addExamples() {
      const { images, examples, classes } = this.data;
      const all = bytes(images);
      const size = this.height * this.width;
      examples.forEach(({ number, truth, answer }, i) => {
        const pixels = Float32Array.from(all.subarray(i * size, (i + 1) * size));
        const wrong = truth !== answer;
        const words = `Test image ${number.toLocaleString("en")}, ${classes[truth]}${wrong ? `, predicted as ${classes[answer]}` : ""}`;
        const canvas = Live.element("canvas", { width: this.width, height: this.height, "aria-hidden": "true" });
        const button = Live.element("button", { type: "button", class: "example", "aria-label": words, title: words }, canvas);
        Live.inBothSchemes(() => Live.drawInk(canvas, pixels, this.ink));
        button.addEventListener("click", () => {
          this.pad.clear();
          this.see({ values: pixels });
          this.say(`${words}.`);
        });
        at(wrong ? "mistakes" : "examples").append(button);
      });
      at("mistakes").parentElement.hidden = !at("mistakes").children.length;
    }

    /** Looks at a picture from disk. */
    async open(file) {
      if (!file) return;
      const { name } = file;
      const { problem, image, pixels } = await Live.decoded(file, LONGEST);
      if (problem) return this.say(problem);
      const seen = Live.ofPhoto(Live.grey(pixels), this.data.kind, this.width, this.height);
      this.pad.show(image);
      this.see(seen);
      this.say(seen ? `${name}, as the network sees it.` : `Nothing stands out in ${name}; choose a picture with more contrast.`);
    }

    say(words) {
      at("source").textContent = words;
    }

    /** Takes a picture of the right size, {values: 0 to 255}, or null for none. */
    see(picture) {
      this.pixels = picture && picture.values;
      this.say("");
      this.reset();
    }

    reset() {
      this.whatIf.reset();
      at("cover").checked = false;
      this.schedule();
    }

    /** Answers once, before the next picture of the page, however often something changed until then. */
    schedule() {
      if (this.scheduled) return;
      this.scheduled = true;
      requestAnimationFrame(() => {
        this.scheduled = false;
        this.update();
      });
    }

    /** What the network takes, of pixels from 0 to 255: as the lesson prepared its images. */
    prepared(pixels) {
      const { scale, offset, rounded } = this.data.preparation;
      return pixels.map((pixel) => (rounded ? Math.round(pixel * scale + offset) : pixel * scale + offset));
    }

    update() {
      const { whatIf } = this;
      const pixels = this.pixels ?? new Float32Array(this.height * this.width).fill(this.data.paper);
      const changed = whatIf.apply(pixels);
      this.seen.draw(changed, whatIf.covered);
      at("reset").disabled = !whatIf.isChanged;
      clearTimeout(this.later);
      if (!this.pixels) {
        this.layers.clear();
        this.answer.clear("Draw something, or choose a test image.");
        return;
      }
      const outputs = this.network.run(this.prepared(changed));
      const before = whatIf.isChanged ? this.network.answer(this.prepared(pixels)) : null;
      this.answer.show(outputs.at(-1).values, before);
      this.later = setTimeout(() => this.layers.show(outputs)); // the browser shows the answer first
    }
  }

  const begin = () => {
    const data = JSON.parse(at("data").textContent);
    const network = Live.read(data.network);
    at("try").hidden = !network;
    at("inside").hidden = !network;
    at("unknown").hidden = Boolean(network);
    if (!network) return;
    Live.page = new Page(data, network);
    at("examples").firstElementChild?.click();
  };

  begin();
})();
