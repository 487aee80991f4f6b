// What if: the picture that the network sees, shifted by pixels or with a part covered.
"use strict";

(() => {
  const COVERED = 1 / 4; // of the picture's height: the side of the square that covers a part

  /** What was changed about a picture of (height, width): by how much it is shifted, and where it is covered. */
  Live.WhatIf = class {
    /** `canvas` shows the picture, `paper` is its background; `changed()` is called when the square on it was moved. */
    constructor(canvas, height, width, paper, changed) {
      Object.assign(this, { canvas, height, width, paper, changed, side: Math.max(1, Math.round(height * COVERED)) });
      this.reset();
      canvas.addEventListener("pointerdown", (event) => this.drag(event));
      canvas.addEventListener("pointermove", (event) => event.buttons && this.drag(event));
      canvas.addEventListener("keydown", (event) => this.key(event));
    }

    reset() {
      [this.right, this.down, this.square] = [0, 0, null];
    }

    get isChanged() {
      return Boolean(this.right || this.down || this.square);
    }

    shift(right, down) {
      this.right = Math.max(-this.width, Math.min(this.width, this.right + right));
      this.down = Math.max(-this.height, Math.min(this.height, this.down + down));
    }

    /** Puts the square into the middle, or takes it away. */
    cover(on) {
      this.square = on ? [(this.width - this.side) >> 1, (this.height - this.side) >> 1] : null;
    }

    move(x, y) {
      const inside = (place, length) => Math.max(0, Math.min(length - this.side, Math.round(place)));
      this.square = [inside(x, this.width), inside(y, this.height)];
      this.changed();
    }

    drag(event) {
      if (!this.square) return;
      event.preventDefault();
      const box = this.canvas.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * this.width;
      const y = ((event.clientY - box.top) / box.height) * this.height;
      this.move(x - this.side / 2, y - this.side / 2);
    }

    key(event) {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (!this.square || !moves[event.key]) return;
      event.preventDefault();
      this.move(this.square[0] + moves[event.key][0], this.square[1] + moves[event.key][1]);
    }

    /** The changed picture: pixels (height * width), with paper where nothing is. */
    apply(pixels) {
      const { width, height, side, square, paper } = this;
      const made = new Float32Array(pixels.length).fill(paper);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [fromX, fromY] = [x - this.right, y - this.down];
          const covered = square && x >= square[0] && y >= square[1] && x < square[0] + side && y < square[1] + side;
          if (covered || fromX < 0 || fromY < 0 || fromX >= width || fromY >= height) continue;
          made[y * width + x] = pixels[fromY * width + fromX];
        }
      }
      return made;
    }

    /** The places of the covered pixels. */
    get covered() {
      if (!this.square) return [];
      const [left, top] = this.square;
      return Array.from({ length: this.side ** 2 }, (_, i) => (top + Math.floor(i / this.side)) * this.width + left + (i % this.side));
    }
  };
})();
