// Turns a drawing or a photo into pixels as a network's images have them; in MNIST 0 is background, 255 full ink.
"use strict";

(() => {
  const BOX = 20; // MNIST fits each digit into so many pixels of SIZE
  const SIZE = 28;
  const LEAST_INK = 0.1; // of the strongest: what is fainter is edge, not stroke
  const LONGEST = 320; // pixels to which a photo is shrunk before anything is looked for in it
  const COARSE = 60; // pixels: enough to see where the paper is lighter and darker
  const LEAST_CONTRAST = 12; // of 255, between ink and paper
  const LEAST_PIECE = 0.1; // of the largest connected piece of ink: smaller ones are specks
  const THUMBNAIL = 73; // pixels: the longest edge of the shop's pictures from which Fashion-MNIST was made
  const LIKE_CORNER = 0.05 * 255; // Fashion-MNIST trims what differs less than this from the corner

  // A picture is {values: Float32Array, width, height}, row by row.
  const picture = (width, height, values = new Float32Array(width * height)) => ({ values, width, height });

  /** How bright each pixel is, 0 to 255, of what a canvas returns; what is transparent is white. */
  const grey = ({ data, width, height }) => {
    const made = picture(width, height);
    for (let i = 0; i < made.values.length; i++) {
      const brightness = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
      made.values[i] = 255 + (data[4 * i + 3] / 255) * (brightness - 255);
    }
    return made;
  };

  /** For each new pixel of one axis: the first old pixel that it covers, and how much each from there on counts. */
  const triangles = (from, to) => {
    const scale = from / to;
    const reach = Math.max(scale, 1); // a shrunk pixel is the mean of all that it covers, so that no stroke gets lost
    return Array.from({ length: to }, (_, i) => {
      const middle = (i + 0.5) * scale - 0.5;
      const first = Math.max(Math.ceil(middle - reach), 0);
      const last = Math.min(Math.floor(middle + reach), from - 1);
      const weights = Array.from({ length: last - first + 1 }, (_, k) => 1 - Math.abs(first + k - middle) / reach);
      const sum = weights.reduce((a, b) => a + b, 0);
      return { first, weights: weights.map((weight) => weight / sum) };
    });
  };

  /** A picture in another size: bilinear, and antialiased where it shrinks, as Pillow and Keras do it. */
  const resized = (old, width, height) => {
    const across = picture(width, old.height);
    triangles(old.width, width).forEach(({ first, weights }, x) => {
      for (let y = 0; y < old.height; y++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * old.values[y * old.width + first + k];
        across.values[y * width + x] = sum;
      }
    });
    const made = picture(width, height);
    triangles(old.height, height).forEach(({ first, weights }, y) => {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * across.values[(first + k) * width + x];
        made.values[y * width + x] = sum;
      }
    });
    return made;
  };

  const shrunk = (old, longest) => {
    const scale = longest / Math.max(old.width, old.height);
    if (scale >= 1) return old;
    return resized(old, Math.max(1, Math.round(old.width * scale)), Math.max(1, Math.round(old.height * scale)));
  };

  /** The part of a picture around all pixels of which `counts(value)` is true; null if there is none. */
  const trimmed = (old, counts) => {
    let [left, top, right, bottom] = [old.width, old.height, -1, -1];
    for (let y = 0; y < old.height; y++) {
      for (let x = 0; x < old.width; x++) {
        if (!counts(old.values[y * old.width + x])) continue;
        left = Math.min(left, x);
        right = Math.max(right, x);
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
      }
    }
    if (right < 0) return null;
    const made = picture(right - left + 1, bottom - top + 1);
    for (let y = 0; y < made.height; y++) {
      const start = (top + y) * old.width + left;
      made.values.set(old.values.subarray(start, start + made.width), y * made.width);
    }
    return made;
  };

  /** A picture laid on an empty one of SIZE x SIZE, its upper left corner at (left, top). */
  const placed = (part, left, top) => {
    const made = picture(SIZE, SIZE);
    for (let y = 0; y < part.height; y++) {
      for (let x = 0; x < part.width; x++) {
        const [column, row] = [left + x, top + y];
        if (column < 0 || column >= SIZE || row < 0 || row >= SIZE) continue;
        made.values[row * SIZE + column] = part.values[y * part.width + x];
      }
    }
    return made;
  };

  const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);

  const inBytes = ({ values, ...size }) => picture(size.width, size.height, values.map((value) => Math.round(Math.min(Math.max(value, 0), 255))));

  /** MNIST's own rule: what is inked fits into 20 x 20, and its centre of mass is in the middle of 28 x 28. */
  const asDigit = (ink) => {
    const strongest = largest(ink.values);
    if (!(strongest > 0)) return null;
    // 1. Only the box around the ink counts, not where on the paper it is.
    const box = trimmed(ink, (value) => value > LEAST_INK * strongest);
    // 2. Its longer side becomes 20 pixels, the other one keeps the proportion; the edges become grey.
    const scale = BOX / Math.max(box.width, box.height);
    const [width, height] = [box.width, box.height].map((side) => Math.max(1, Math.round(side * scale)));
    const small = resized(box, width, height);
    // 3. The strongest pixel is full ink again, which a thin stroke lost when it was shrunk.
    const stretch = 255 / largest(small.values);
    small.values = small.values.map((value) => value * stretch);
    // 4. The centre of mass comes to pixel (14, 14), as in MNIST.
    let [mass, across, down] = [0, 0, 0];
    small.values.forEach((value, i) => {
      mass += value;
      across += value * (i % width);
      down += value * Math.floor(i / width);
    });
    return inBytes(placed(small, Math.round(SIZE / 2 - across / mass), Math.round(SIZE / 2 - down / mass)));
  };

  /** The highest value within `reach` pixels of each, first along rows, then along columns. */
  const highest = (old, reach) => {
    const along = (values, length, lines, step, jump) => {
      const made = new Float32Array(values.length);
      for (let line = 0; line < lines; line++) {
        for (let i = 0; i < length; i++) {
          let found = -Infinity;
          for (let k = Math.max(0, i - reach); k <= Math.min(length - 1, i + reach); k++) {
            const value = values[line * jump + k * step];
            if (value > found) found = value;
          }
          made[line * jump + i * step] = found;
        }
      }
      return made;
    };
    const rows = along(old.values, old.width, old.height, 1, old.width);
    return picture(old.width, old.height, along(rows, old.height, old.width, old.width, 1));
  };

  const negated = (old) => picture(old.width, old.height, old.values.map((value) => -value));
  const lowest = (old, reach) => negated(highest(negated(old), reach));

  /** A picture without its details: each pixel the mean of all within about `reach` pixels. */
  const blurred = (old, reach) => {
    const [width, height] = [old.width, old.height].map((side) => Math.max(1, Math.round(side / reach)));
    return resized(resized(old, width, height), old.width, old.height);
  };

  /** The threshold that parts values into two groups which differ most within all (Otsu 1979). */
  const otsu = (values) => {
    const BINS = 256;
    const top = largest(values);
    const counts = new Float64Array(BINS);
    for (const value of values) counts[Math.min(BINS - 1, Math.floor((value / top) * BINS))]++;
    const total = counts.reduce((sum, count, bin) => sum + count * bin, 0);
    let [below, sumBelow, best, threshold] = [0, 0, -1, 0];
    for (let bin = 0; bin < BINS - 1; bin++) {
      below += counts[bin];
      sumBelow += counts[bin] * bin;
      const above = values.length - below;
      if (!below || !above) continue;
      const difference = sumBelow / below - (total - sumBelow) / above;
      const between = below * above * difference * difference;
      if (between > best) [best, threshold] = [between, bin + 1];
    }
    return (threshold / BINS) * top;
  };

  /** For each pixel the number of its connected piece of ink, from 1, else 0; and each piece's size and place. */
  const pieces = ({ width, height, values }, threshold) => {
    const numbers = new Int32Array(values.length);
    const sizes = [0];
    const columns = [[0, 0]]; // the first and the last one
    const touches = [false]; // whether it reaches the edge
    for (let start = 0; start < values.length; start++) {
      if (numbers[start] || values[start] <= threshold) continue;
      const waiting = [start];
      numbers[start] = sizes.length;
      let size = 0;
      const reach = [width, 0];
      let touch = false;
      while (waiting.length) {
        const at = waiting.pop();
        size++;
        const [x, y] = [at % width, Math.floor(at / width)];
        reach[0] = Math.min(reach[0], x);
        reach[1] = Math.max(reach[1], x);
        touch ||= x === 0 || y === 0 || x === width - 1 || y === height - 1;
        for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
          for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
            const next = row * width + column;
            if (numbers[next] || values[next] <= threshold) continue;
            numbers[next] = sizes.length;
            waiting.push(next);
          }
        }
      }
      sizes.push(size);
      columns.push(reach);
      touches.push(touch);
    }
    return { numbers, sizes, columns, touches };
  };

  /** The ink in a photo of handwriting, 0 to 255, dark on light or light on dark; null if there is none. */
  const inkOfPhoto = (photo) => {
    const paper = shrunk(photo, LONGEST);
    const longest = Math.max(paper.width, paper.height);
    // 1. Which is ink? Strokes are few, so they are the rare, strong differences from the brightness around them.
    const around = blurred(paper, longest / 6);
    let lean = 0;
    for (let i = 0; i < paper.values.length; i++) {
      const difference = paper.values[i] - around.values[i];
      lean += difference * difference * difference;
    }
    const dark = lean > 0 ? picture(paper.width, paper.height, paper.values.map((value) => 255 - value)) : paper;
    // 2. The paper without the strokes: the brightest value around each pixel, and of those the darkest again, so that
    //    shadows keep their place; the difference from it is ink, wherever the shadow lies.
    const coarse = shrunk(dark, COARSE);
    const closed = lowest(highest(coarse, COARSE / 6), COARSE / 6);
    const light = resized(closed, dark.width, dark.height);
    const ink = picture(dark.width, dark.height, dark.values.map((value, i) => Math.max(0, light.values[i] - value)));
    if (largest(ink.values) < LEAST_CONTRAST) return null;
    // 3. A threshold parts ink from paper.
    // 4. The largest connected piece is the digit, with all above and below it that is at least a tenth of it; specks
    //    and other digits are not, nor is what reaches the edge of the photo, which is a shadow.
    const found = pieces(ink, otsu(ink.values));
    const inner = found.sizes.map((size, n) => (found.touches[n] ? 0 : size));
    const sizes = largest(inner) >= LEAST_PIECE * largest(found.sizes) ? inner : found.sizes;
    const main = sizes.indexOf(largest(sizes));
    const [left, right] = found.columns[main];
    const belongs = sizes.map((size, n) => n > 0 && size >= LEAST_PIECE * sizes[main] &&
      found.columns[n][0] <= right + 1 && found.columns[n][1] + 1 >= left);
    const kept = picture(ink.width, ink.height, Float32Array.from(found.numbers, (n) => (belongs[n] ? 1 : 0)));
    // 5. What is as dark as the mean of the digit is full ink; the pixels next to it are its grey edge.
    const inked = ink.values.filter((_, i) => kept.values[i]);
    const full = inked.reduce((a, b) => a + b, 0) / inked.length;
    const edge = highest(kept, 1).values;
    return picture(ink.width, ink.height, ink.values.map((value, i) => edge[i] * Math.min(255, (255 * value) / full)));
  };

  /** Fashion-MNIST's own steps, from a photo on an even background to 28 x 28; null if nothing is on it. */
  const asClothes = (photo) => {
    const small = shrunk(photo, THUMBNAIL);
    // 1. Edges that are like the corner's pixel are trimmed.
    const corner = small.values[0];
    const part = trimmed(small, (value) => Math.abs(value - corner) > LIKE_CORNER);
    if (!part) return null;
    // 2. The longest edge becomes 28 pixels, by leaving out rows and columns.
    const scale = SIZE / Math.max(part.width, part.height);
    const [width, height] = [part.width, part.height].map((side) => Math.max(1, Math.round(side * scale)));
    const fewer = picture(width, height);
    fewer.values.forEach((_, i) => {
      const x = Math.min(part.width - 1, Math.floor(((i % width) + 0.5) / scale));
      const y = Math.min(part.height - 1, Math.floor((Math.floor(i / width) + 0.5) / scale));
      fewer.values[i] = part.values[y * part.width + x];
    });
    // 3. It is sharpened: a pixel counts more against those around it, which a Gaussian of 1 pixel weighs (the -sharpen
    //    1x1 of ImageMagick, with which Fashion-MNIST was made).
    const around = [0, 1, 2].map((distance) => Math.exp(-distance / 2)); // by the square of the distance
    const all = around[0] + 4 * around[1] + 4 * around[2];
    const sharp = fewer.values.map((value, i) => {
      let sum = (2 * all + around[0]) * value;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const x = Math.min(width - 1, Math.max(0, (i % width) + dx));
          const y = Math.min(height - 1, Math.max(0, Math.floor(i / width) + dy));
          sum -= around[dx * dx + dy * dy] * fewer.values[y * width + x];
        }
      }
      return sum / (all + around[0]);
    });
    // 4. It is negated, so that a light background becomes 0, and 5. put into the middle of 28 x 28.
    const dark = picture(width, height, sharp.map((value) => (corner >= 128 ? 255 - value : value)));
    return inBytes(placed(dark, Math.floor((SIZE - width) / 2), Math.floor((SIZE - height) / 2)));
  };

  /** A picture of the learner's own kind: whole, in its proportions, and around it the brightness of its edge. */
  const asItIs = (photo, width, height) => {
    const scale = Math.min(width / photo.width, height / photo.height);
    const [across, down] = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * scale)));
    const small = inBytes(resized(photo, across, down));
    const at = (x, y) => small.values[y * across + x];
    const edge = [
      ...Array.from({ length: across }, (_, x) => [at(x, 0), at(x, down - 1)]).flat(),
      ...Array.from({ length: down }, (_, y) => [at(0, y), at(across - 1, y)]).flat(),
    ].sort((a, b) => a - b);
    const around = Math.floor((edge[edge.length / 2 - 1] + edge[edge.length / 2]) / 2); // their median
    const [left, top] = [Math.floor((width - across) / 2), Math.floor((height - down) / 2)];
    const made = picture(width, height);
    made.values.fill(around);
    for (let y = 0; y < down; y++) {
      made.values.set(small.values.subarray(y * across, (y + 1) * across), (top + y) * width + left);
    }
    return made;
  };

  /** Ink on paper of a brightness: black on a light one, white on a dark one. */
  const onPaper = (ink, paper) => {
    const stroke = paper < 128 ? 255 : 0;
    return picture(ink.width, ink.height, ink.values.map((value) => paper + (value / 255) * (stroke - paper)));
  };

  /**
   * What the network is to see of a drawing, whose `ink` is white on black.
   *
   * `kind` is "digits", "clothes" or "own", `paper` the background of the learner's own; null if nothing is drawn.
   */
  const ofDrawing = (ink, kind, width, height, paper = 0) => {
    if (!(largest(ink.values) > 0)) return null;
    if (kind === "own") return inBytes(onPaper(resized(ink, width, height), paper));
    const made = kind === "digits" ? asDigit(ink) : asClothes(ink);
    return made && inBytes(resized(made, width, height));
  };

  /** The same of a photo, {values, width, height} of brightness; null if nothing is found on it. */
  const ofPhoto = (photo, kind, width, height) => {
    if (kind === "own") return asItIs(photo, width, height);
    const ink = kind === "digits" ? inkOfPhoto(photo) : null;
    const made = kind === "digits" ? ink && asDigit(ink) : asClothes(photo);
    return made && inBytes(resized(made, width, height));
  };

  const MOST_BYTES = 30e6; // of a picture from disk

  /**
   * A picture from disk, which the browser decodes: {image, pixels}, as a canvas returns them, the longer side of at most
   * `longest` pixels; or {problem}, a sentence.
   */
  Live.decoded = async (file, longest) => {
    if (file.size > MOST_BYTES) return { problem: `${file.name} is larger than 30 MB; choose a smaller picture.` };
    let image;
    try {
      image = await createImageBitmap(file);
    } catch {
      return { problem: `${file.name} is not a picture that this browser can read; choose a PNG or JPEG file.` };
    }
    const scale = Math.min(1, longest / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return { image, pixels: context.getImageData(0, 0, canvas.width, canvas.height) };
  };

  Live.grey = grey;
  Live.shrunk = shrunk;
  Live.ofDrawing = ofDrawing;
  Live.ofPhoto = ofPhoto;
})();
