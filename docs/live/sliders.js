// Sliders with a name and the number that they stand at.
"use strict";

(() => {
  /** Adds a slider from -reach to reach to an element; calls `changed` whenever it moves. Returns its input. */
  Live.slider = (place, name, reach, value, changed) => {
    const input = Live.element("input", { type: "range", min: -reach, max: reach, step: 0.1, value });
    const shown = Live.element("output", {}, Live.inDigits(value));
    input.addEventListener("input", () => {
      shown.textContent = Live.inDigits(Number(input.value));
      changed();
    });
    place.append(Live.element("label", {}, Live.element("span", {}, name), input, shown));
    return input;
  };
})();
