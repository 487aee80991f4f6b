// Sliders with a name and what they stand at.
"use strict";

(() => {
  /** Adds a slider with attributes to an element; calls `changed` whenever it moves. Returns its input. */
  const added = (place, name, attributes, inWords, changed) => {
    const input = Live.element("input", { type: "range", ...attributes });
    const shown = Live.element("output");
    const show = () => {
      shown.textContent = inWords(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => (show(), changed()));
    place.append(Live.element("label", {}, Live.element("span", {}, name), input, shown));
    show();
    return input;
  };

  /** A slider from -reach to reach. */
  Live.slider = (place, name, reach, value, changed) =>
    added(place, name, { min: -reach, max: reach, step: 0.1, value }, Live.inDigits, changed);

  /** A slider over values, of which its input's value is the place. */
  Live.choice = (place, name, values, chosen, changed) =>
    added(place, name, { min: 0, max: values.length - 1, step: 1, value: chosen }, (number) => values[number], changed);
})();
