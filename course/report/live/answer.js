// Shows what the network answers: a bar for each class, and how sure it is in words.
"use strict";

(() => {
  const WORTH_SAYING = 0.005; // the least probability of a second class that is mentioned

  const aloud = (probability) => Live.inPercent(probability).replace(">", "more than ").replace("<", "less than ");
  const order = (values) => Array.from(values.keys()).sort((a, b) => values[b] - values[a]);

  /** What an answer says, in words. */
  Live.answerInWords = (values, { classes, probabilities }) => {
    const [first, second] = order(values);
    if (!probabilities) return `Its largest output is that of ${classes[first]}: ${Live.inDigits(values[first])}`;
    const said = `It says ${classes[first]}, ${aloud(values[first])} sure`;
    if (second === undefined || values[second] < WORTH_SAYING) return said;
    return `${said}, and gives ${classes[second]} a chance of ${aloud(values[second])}`;
  };

  /** Bars for the answers to what is seen, and to what was seen before it was changed. */
  Live.Answer = class {
    constructor(data, { bars, says, before, voice }) {
      Object.assign(this, { data, says, before, voice });
      this.rows = data.classes.map((name) => {
        const [bar, ghost, number] = [Live.element("span", { class: "bar" }), Live.element("span", { class: "ghost" }), Live.element("td", { class: "of" })];
        const row = Live.element("tr", {}, Live.element("th", { scope: "row" }, name), Live.element("td", { class: "track" }, bar, ghost), number);
        bars.append(row);
        return { row, bar, ghost, number };
      });
    }

    /** Shows outputs, one for each class, and those before a change, null if nothing was changed. */
    show(values, before) {
      const { probabilities } = this.data;
      const limit = probabilities ? 1 : Math.max(Live.scaleOf(values).limit, 1e-30);
      const best = order(values)[0];
      this.rows.forEach(({ row, bar, ghost, number }, i) => {
        row.classList.toggle("best", i === best);
        bar.style.width = `${(100 * Math.abs(values[i])) / limit}%`;
        bar.classList.toggle("negative", values[i] < 0);
        ghost.hidden = !before;
        if (before) ghost.style.left = `${Math.min(100, (100 * Math.abs(before[i])) / limit)}%`;
        number.textContent = probabilities ? Live.inPercent(values[i]) : Live.inDigits(values[i]);
      });
      const said = `${Live.answerInWords(values, this.data)}.`;
      this.says.textContent = said;
      this.before.textContent = before ? `Before the change: ${Live.answerInWords(before, this.data)}.` : "";
      this.voice.say(said);
    }

    /** Shows that there is nothing to answer to. */
    clear(words) {
      for (const { row, bar, ghost, number } of this.rows) {
        row.classList.remove("best");
        bar.style.width = 0;
        ghost.hidden = true;
        number.textContent = "";
      }
      this.says.textContent = words;
      this.before.textContent = "";
      this.voice.say(words);
    }
  };
})();
