// Shows what softmax makes of three sums that a reader changes.
"use strict";

(() => {
  const SUMS = [2, 1, -1];
  const at = (name) => document.getElementById(`softmax-${name}`);
  const voice = new Live.Voice(at("spoken"));

  const show = () => {
    const sums = inputs.map((input) => Number(input.value));
    const powers = sums.map(Math.exp);
    const total = powers.reduce((sum, power) => sum + power, 0);
    const shares = powers.map((power) => power / total);
    at("rows").replaceChildren(...sums.map((sum, label) => {
      const bar = Live.element("span", { class: "bar" });
      bar.style.width = `${100 * shares[label]}%`;
      const cells = [Live.inDigits(sum), powers[label].toFixed(2), Live.inPercent(shares[label])];
      return Live.element("tr", {}, Live.element("th", { scope: "row" }, `${label}`),
        ...cells.map((text) => Live.element("td", { class: "of" }, text)), Live.element("td", { class: "share" }, bar));
    }));
    const best = shares.indexOf(Math.max(...shares));
    const words = `The powers add up to ${total.toFixed(2)}, the probabilities to 1. ` +
      `The answer is ${best}, with ${Live.inPercent(shares[best])}.`;
    at("says").textContent = words;
    voice.say(words);
  };

  const inputs = SUMS.map((sum, label) => Live.slider(at("sums"), `sum of ${label}`, 5, sum, () => show()));
  show();
})();
