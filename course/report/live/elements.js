// Makes elements and numbers of the page: out of text alone, so that no name of a class or file can become markup.
"use strict";

(() => {
  const QUIET = 600; // milliseconds without a change after which words are spoken

  /** An element with attributes and children, which are elements or text. */
  Live.element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  /** A number as one reads it: four digits, a real minus. */
  Live.inDigits = (value) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
    if (Number.isInteger(value) && Math.abs(value) < 1e5) return `${value}`.replace("-", "−");
    const size = Math.abs(value);
    const short = Number(size.toPrecision(3));
    if (size >= 0.001 && size < 1000 && Math.abs(size - short) < 1e-6 * size) return (value < 0 ? "−" : "") + short;
    const text = size < 0.0005 || size >= 1e5 ? size.toExponential(1) : size.toFixed(size < 10 ? 3 : size < 1000 ? 1 : 0);
    return (value < 0 ? "−" : "") + text;
  };

  /** A probability as one reads it; what is not quite 0 or 1 does not read as if it were. */
  Live.inPercent = (probability) => {
    if (probability > 0.999 && probability < 1) return ">99.9%";
    if (probability < 0.001 && probability > 0) return "<0.1%";
    return `${(100 * probability).toFixed(1)}%`;
  };

  Live.shapeInWords = (shape) => shape.map((side) => side.toLocaleString("en")).join(" x ");

  /** Has a screen reader say words, once nothing has changed for a while; `element` is where they are put. */
  Live.Voice = class {
    constructor(element) {
      this.element = element;
    }

    say(words) {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => (this.element.textContent = words), QUIET);
    }
  };

  /** Calls `draw` now and whenever the page turns light or dark. */
  Live.inBothSchemes = (draw) => {
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  };

  Live.isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
})();
