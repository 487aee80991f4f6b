// Makes elements of a drawing.
"use strict";

/** An element of SVG; colours of the page, var(--ink), work in styles and not in attributes. */
Live.drawn = (tag, attributes, style = {}) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  Object.assign(made.style, style);
  return made;
};
