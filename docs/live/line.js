// Draws four points, and the line of one unit whose two weights and bias a reader changes.
"use strict";

(() => {
  const SETS = { // points as x, y, and whether they are squares
    "one corner against three": [[0, 0, false], [0, 1, false], [1, 0, false], [1, 1, true]],
    "opposite corners": [[0, 0, false], [0, 1, true], [1, 0, true], [1, 1, false]],
  };
  const SIZE = 200; // of the drawing; its middle is the point (0.5, 0.5)
  const at = (name) => document.getElementById(`line-${name}`);
  const place = (x) => SIZE * (0.25 + x / 2);
  const voice = new Live.Voice(at("spoken"));

  /** The unit's sum at a point. */
  const sum = ([x, y]) => {
    const [a, b, bias] = inputs.map((input) => Number(input.value));
    return a * x + b * y + bias;
  };

  /** The part of the drawing where the unit's sum is above 0, as the corners of a polygon. */
  const above = () => {
    const corners = [[-0.5, -0.5], [1.5, -0.5], [1.5, 1.5], [-0.5, 1.5]];
    const inside = [];
    corners.forEach((corner, number) => {
      const next = corners[(number + 1) % 4];
      const [here, there] = [sum(corner), sum(next)];
      if (here > 0) inside.push(corner);
      if ((here > 0) !== (there > 0)) {
        const part = here / (here - there);
        inside.push(corner.map((value, axis) => value + part * (next[axis] - value)));
      }
    });
    return inside.map(([x, y]) => `${place(x)},${SIZE - place(y)}`).join(" ");
  };

  const show = () => {
    const points = SETS[at("points").value];
    const right = points.filter(([x, y, square]) => (sum([x, y]) > 0) === square).length;
    const words = right === 4 ? "All four points are on their side." : `${right} of 4 points are on their side.`;
    const picture = Live.drawn("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": `Four points and a line. ${words}` });
    picture.append(Live.drawn("rect", { width: SIZE, height: SIZE }, { fill: "none", stroke: "var(--line)" }));
    picture.append(Live.drawn("polygon", { points: above() }, { fill: "var(--bar)", opacity: 0.3 }));
    for (const [x, y, square] of points) {
      const middle = { x: place(x), y: SIZE - place(y) };
      picture.append(square
        ? Live.drawn("rect", { x: middle.x - 7, y: middle.y - 7, width: 14, height: 14 }, { fill: "var(--ink)" })
        : Live.drawn("circle", { cx: middle.x, cy: middle.y, r: 7 }, { fill: "var(--paper)", stroke: "var(--ink)", strokeWidth: 2.5 }));
    }
    at("drawing").replaceChildren(picture);
    at("says").textContent = `${words} Where the unit says square, the background is blue.`;
    voice.say(words);
  };

  for (const name of Object.keys(SETS)) at("points").append(Live.element("option", {}, name));
  at("points").addEventListener("change", () => show());
  const names = [["weight of a", 1], ["weight of b", -1], ["bias", 0]];
  const inputs = names.map(([name, value]) => Live.slider(at("weights"), name, 3, value, () => show()));
  show();
})();
