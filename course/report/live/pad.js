// The pad: strokes of mouse, finger, pen or keyboard, white on black inside and in the page's colours outside.
"use strict";

(() => {
  const SIDE = 280; // pixels of the canvas, whatever its size on the page
  const THICK = SIDE / 10;
  const STEP = SIDE / 20; // pixels that an arrow key moves the pen

  Live.Pad = class {
    /** `changed(ink)` is called after each change with {values, width, height}, or null when the pad is empty. */
    constructor(canvas, changed) {
      Object.assign(this, { canvas, changed, strokes: [], photo: null, pen: null, cursor: null, down: false });
      [canvas.width, canvas.height] = [SIDE, SIDE];
      this.ink = Live.element("canvas", { width: SIDE, height: SIDE }).getContext("2d", { willReadFrequently: true });
      canvas.addEventListener("pointerdown", (event) => this.begin(event));
      canvas.addEventListener("pointermove", (event) => this.follow(event));
      for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.pen = null));
      canvas.addEventListener("keydown", (event) => this.key(event));
      canvas.addEventListener("blur", () => this.lift());
      Live.inBothSchemes(() => this.draw());
    }

    begin(event) {
      if (event.button) return;
      event.preventDefault();
      this.canvas.focus({ preventScroll: true });
      this.canvas.setPointerCapture?.(event.pointerId);
      this.lift();
      this.pen = event.pointerId;
      this.start(this.place(event));
    }

    follow(event) {
      if (event.pointerId !== this.pen) return;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.strokes.at(-1).push(this.place(each));
      this.update();
    }

    place({ clientX, clientY }) {
      const box = this.canvas.getBoundingClientRect();
      return [((clientX - box.left) / box.width) * SIDE, ((clientY - box.top) / box.height) * SIDE];
    }

    /** Begins a stroke; it replaces a photo. */
    start(point) {
      this.photo = null;
      this.strokes.push([point]);
      this.update();
    }

    /** Arrow keys move the pen, the space bar puts it down or lifts it. */
    key(event) {
      const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
      if (event.key !== " " && !moves[event.key]) return;
      event.preventDefault();
      this.cursor ??= [SIDE / 2, SIDE / 2];
      if (event.key === " ") {
        this.down = !this.down;
        if (this.down) return this.start(this.cursor);
      } else {
        this.cursor = this.cursor.map((each, i) => Math.min(SIDE - STEP, Math.max(STEP, each + moves[event.key][i])));
        if (this.down) {
          this.strokes.at(-1).push(this.cursor);
          return this.update();
        }
      }
      this.draw();
    }

    lift() {
      [this.down, this.cursor] = [false, null];
      this.draw();
    }

    undo() {
      if (this.photo) this.photo = null;
      else this.strokes.pop();
      this.down = false;
      this.update();
    }

    clear() {
      [this.strokes, this.photo, this.down] = [[], null, false];
      this.update();
    }

    /** Shows a photo instead of strokes; it is looked at by whoever gave it. */
    show(photo) {
      [this.strokes, this.photo, this.down] = [[], photo, false];
      this.draw();
    }

    update() {
      this.draw();
      const { ink } = this;
      ink.fillStyle = "#000";
      ink.fillRect(0, 0, SIDE, SIDE);
      this.trace(ink, "#fff");
      const { data } = ink.getImageData(0, 0, SIDE, SIDE);
      const values = new Float32Array(SIDE * SIDE);
      for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
      this.changed(this.strokes.length ? { values, width: SIDE, height: SIDE } : null);
    }

    trace(context, colour) {
      Object.assign(context, { strokeStyle: colour, lineWidth: THICK, lineCap: "round", lineJoin: "round" });
      for (const [first, ...others] of this.strokes) {
        context.beginPath();
        context.moveTo(...first);
        context.lineTo(...first); // a dot, if nothing follows
        for (const point of others) context.lineTo(...point);
        context.stroke();
      }
    }

    draw() {
      const context = this.canvas.getContext("2d");
      const [paper, ink] = ["--paper", "--ink"].map((name) => getComputedStyle(this.canvas).getPropertyValue(name));
      context.fillStyle = paper;
      context.fillRect(0, 0, SIDE, SIDE);
      if (this.photo) {
        const scale = SIDE / Math.max(this.photo.width, this.photo.height);
        const [width, height] = [this.photo.width * scale, this.photo.height * scale];
        context.drawImage(this.photo, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
      }
      this.trace(context, ink);
      if (!this.cursor) return;
      context.lineWidth = 2;
      context.strokeStyle = this.down ? paper : ink;
      context.beginPath();
      context.arc(...this.cursor, THICK / 2, 0, 2 * Math.PI);
      context.stroke();
    }
  };
})();
