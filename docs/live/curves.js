// Draws the measured losses of trainings, of which a reader chooses dropout and the number of images.
"use strict";

(() => {
  const [WIDTH, HEIGHT] = [360, 240]; // of the drawing
  const [LEFT, RIGHT, TOP, BOTTOM] = [34, 352, 12, 204]; // of the curves in it
  const ENDS = [0.1, 0.2, 0.4, 0.8]; // of the scale of losses
  const KINDS = [
    { metric: "loss", name: "training", colour: "var(--bar)", strokeDasharray: "6 3" },
    { metric: "val_loss", name: "validation", colour: "var(--other)" },
  ];
  const at = (name) => document.getElementById(`curves-${name}`);
  const { dropouts, images, trainings } = JSON.parse(document.getElementById("live-data").textContent);
  const voice = new Live.Voice(at("spoken"));

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  /** One number for each epoch, of what several trainings had after it: their mean, or the smallest or largest. */
  const eachEpoch = (curves, summary) => curves[0].map((_, epoch) => summary(curves.map((curve) => curve[epoch])));

  const across = (epoch, epochs) => LEFT + ((RIGHT - LEFT) * epoch) / (epochs - 1);
  let end; // of the scale that is drawn
  const up = (loss) => BOTTOM - ((BOTTOM - TOP) * Math.min(loss, end)) / end;
  const points = (curve) => curve.map((loss, epoch) => `${across(epoch, curve.length)},${up(loss)}`);
  const between = (upper, lower, style) =>
    Live.drawn("polygon", { points: [...points(upper), ...points(lower).reverse()].join(" ") }, style);
  const written = (words, x, y, anchor = "middle") => {
    const text = Live.drawn("text", { x, y, "text-anchor": anchor, "font-size": 13 }, { fill: "var(--ink)" });
    text.textContent = words;
    return text;
  };

  const axes = (epochs) => [
    ...[0, 1, 2, 3, 4].map((part) => (part * end) / 4).flatMap((loss) => [
      Live.drawn("line", { x1: LEFT, x2: RIGHT, y1: up(loss), y2: up(loss) }, { stroke: "var(--line)" }),
      written(Live.inDigits(loss), LEFT - 6, up(loss) + 4, "end"),
    ]),
    ...[1, 4, 8, 12].filter((epoch) => epoch <= epochs).map((epoch) => written(`${epoch}`, across(epoch - 1, epochs), BOTTOM + 16)),
    written("epoch", (LEFT + RIGHT) / 2, BOTTOM + 32),
  ];

  const curve = (losses, { colour, strokeDasharray = "" }) => [
    between(eachEpoch(losses, (values) => Math.max(...values)), eachEpoch(losses, (values) => Math.min(...values)), { fill: colour, opacity: 0.3 }),
    Live.drawn("polyline", { points: points(eachEpoch(losses, mean)).join(" ") }, { fill: "none", stroke: colour, strokeWidth: 2, strokeDasharray }),
  ];

  const legend = KINDS.flatMap(({ name, colour, strokeDasharray = "" }, number) => [
    Live.drawn("line", { x1: RIGHT - 120, x2: RIGHT - 96, y1: 22 + 16 * number, y2: 22 + 16 * number }, { stroke: colour, strokeWidth: 2, strokeDasharray }),
    written(`${name} loss`, RIGHT - 90, 26 + 16 * number, "start"),
  ]);

  /** What the curves say: the gap at the end, where validation was best, and the test. */
  const inWords = (runs, [training, validation]) => {
    const seeds = runs.length > 1 ? `Mean of ${runs.length} seeds` : "One seed";
    const best = validation.indexOf(Math.min(...validation));
    const gap = validation.at(-1) - training.at(-1);
    const apart = gap > 0
      ? `At the end the validation loss is ${gap.toFixed(3)} above that of training`
      : `At the end the training loss, with dropout on, is ${(-gap).toFixed(3)} above that of validation`;
    const lowest = best === validation.length - 1
      ? "The validation loss is lowest at the end"
      : `The validation loss is lowest after epoch ${best + 1}, ${validation[best].toFixed(3)}, and at the end ${validation.at(-1).toFixed(3)}`;
    const [right, loss] = ["test_accuracy", "test_loss"].map((name) => mean(runs.map((run) => run[name])));
    return `${seeds}. ${apart}. ${lowest}. Test: ${(100 * right).toFixed(2)}% right, loss ${loss.toFixed(3)}.`;
  };

  const show = () => {
    const [dropout, limit] = [dropouts[chosen[0].value], images[chosen[1].value]];
    const runs = trainings.filter((run) => run.dropout === dropout && run.images === limit);
    const losses = KINDS.map(({ metric }) => runs.map((run) => run[metric]));
    const means = losses.map((each) => eachEpoch(each, mean));
    const largest = Math.max(...trainings.filter((run) => run.images === limit).flatMap((run) => run.val_loss));
    end = ENDS.find((each) => each >= largest) ?? ENDS.at(-1); // the same for every dropout
    const words = inWords(runs, means);
    const setting = `Dropout ${dropout}, ${limit.toLocaleString("en")} images.`;
    const picture = Live.drawn("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Loss in training and validation after each epoch. ${setting} ${words}`,
    });
    picture.append(between(means[1], means[0], { fill: "var(--soft)", opacity: 0.2 }), ...axes(means[0].length),
      ...KINDS.flatMap((kind, number) => curve(losses[number], kind)), ...legend);
    at("drawing").replaceChildren(picture);
    at("says").textContent = `${words} Grey: the distance between training and validation. Bands: from the lowest to the highest seed.`;
    voice.say(`${setting} ${words}`);
  };

  const chosen = [
    Live.choice(at("choice"), "dropout", dropouts, 0, () => show()),
    Live.choice(at("choice"), "images", images.map((number) => number.toLocaleString("en")), 0, () => show()),
  ];
  show();
})();
