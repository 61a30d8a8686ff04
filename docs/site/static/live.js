// The live page: two trained networks of the notebooks, run in the browser on the reader's own picture.
// LIVE comes from live-data.js, which machinery/site/live.py writes. A tensor is {height, width, depth, data}, the
// channels of a pixel side by side, as in Keras; a layer is a function of tensors, its settings and its weights.
"use strict";

const tensor = (height, width, depth) => ({height, width, depth, data: new Float32Array(height * width * depth)});

const activations = {
  linear: (x) => x,
  relu: (x) => each(x, (value) => Math.max(value, 0)),
  sigmoid: (x) => each(x, (value) => 1 / (1 + Math.exp(-value))),
  softmax: (x) => {
    for (let start = 0; start < x.data.length; start += x.depth) {
      const scores = x.data.subarray(start, start + x.depth);
      const largest = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
      scores.forEach((score, index) => (scores[index] = Math.exp(score - largest) / total));
    }
    return x;
  },
};

function each(x, change) {
  x.data.forEach((value, index) => (x.data[index] = change(value, index % x.depth)));
  return x;
}

const copy = (x) => ({...x, data: x.data.slice()});

// Where a window of `size` pixels begins for output 0, and how many outputs there are; as TensorFlow pads.
function windows(length, size, stride, padding) {
  if (padding === "valid") return {count: Math.floor((length - size) / stride) + 1, before: 0};
  const count = Math.ceil(length / stride);
  return {count, before: Math.floor(Math.max((count - 1) * stride + size - length, 0) / 2)};
}

// Calls visit(output pixel, input pixel, place in the window) for all that lie in the picture.
function slide(x, size, stride, padding, visit) {
  const rows = windows(x.height, size[0], stride[0], padding);
  const columns = windows(x.width, size[1], stride[1], padding);
  for (let row = 0; row < rows.count; row++)
    for (let column = 0; column < columns.count; column++)
      for (let down = 0; down < size[0]; down++) {
        const y = row * stride[0] + down - rows.before;
        if (y < 0 || y >= x.height) continue;
        for (let right = 0; right < size[1]; right++) {
          const z = column * stride[1] + right - columns.before;
          if (z >= 0 && z < x.width) visit(row * columns.count + column, y * x.width + z, down * size[1] + right);
        }
      }
  return {height: rows.count, width: columns.count};
}

function convolve(x, kernel, [rows, columns, inner, outer], strides, padding, bias) {
  const size = [rows, columns];
  const {count: height} = windows(x.height, rows, strides[0], padding);
  const {count: width} = windows(x.width, columns, strides[1], padding);
  const result = tensor(height, width, outer);
  if (bias) result.data.forEach((_, index) => (result.data[index] = bias[index % outer]));
  slide(x, size, strides, padding, (to, from, place) => {
    for (let channel = 0; channel < inner; channel++) {
      const value = x.data[from * inner + channel];
      if (value === 0) continue;
      const weights = (place * inner + channel) * outer;
      const start = to * outer;
      for (let filter = 0; filter < outer; filter++) result.data[start + filter] += value * kernel[weights + filter];
    }
  });
  return result;
}

const layers = {
  Rescaling: ([x], {scale}) => each(copy(x), (value) => value * scale),
  Activation: ([x], {activation}) => activations[activation](copy(x)),
  Conv2D: ([x], {strides, padding, activation, shapes}, [kernel, bias]) =>
    activations[activation](convolve(x, kernel, shapes[0], strides, padding, bias)),

  Conv2DTranspose: ([x], {strides: [stride], activation, shapes: [[size, , outer, inner]]}, [kernel, bias]) => {
    const result = tensor(x.height * stride, x.width * stride, outer);
    result.data.forEach((_, index) => (result.data[index] = bias[index % outer]));
    // The strided convolution that leads from the result to x, backwards.
    slide(result, [size, size], [stride, stride], "same", (from, to, place) => {
      for (let filter = 0; filter < outer; filter++) {
        const weights = (place * outer + filter) * inner;
        let sum = 0;
        for (let channel = 0; channel < inner; channel++)
          sum += x.data[from * inner + channel] * kernel[weights + channel];
        result.data[to * outer + filter] += sum;
      }
    });
    return activations[activation](result);
  },

  SeparableConv2D: ([x], {strides, padding, activation, shapes}, [depthwise, pointwise, bias]) => {
    const [rows, columns] = shapes[0];
    const {count: height} = windows(x.height, rows, strides[0], padding);
    const {count: width} = windows(x.width, columns, strides[1], padding);
    const maps = tensor(height, width, x.depth);
    slide(x, [rows, columns], strides, padding, (to, from, place) => {
      for (let channel = 0; channel < x.depth; channel++)
        maps.data[to * x.depth + channel] += x.data[from * x.depth + channel] * depthwise[place * x.depth + channel];
    });
    return activations[activation](convolve(maps, pointwise, shapes[1], [1, 1], "valid", bias));
  },

  BatchNormalization: ([x], {epsilon}, [gamma, beta, mean, variance]) => {
    const scales = gamma.map((value, channel) => value / Math.sqrt(variance[channel] + epsilon));
    return each(copy(x), (value, channel) => (value - mean[channel]) * scales[channel] + beta[channel]);
  },

  MaxPooling2D: ([x], {pool_size, strides}) => {
    const rows = windows(x.height, pool_size[0], strides[0], "same");
    const columns = windows(x.width, pool_size[1], strides[1], "same");
    const result = tensor(rows.count, columns.count, x.depth);
    result.data.fill(-Infinity);
    slide(x, pool_size, strides, "same", (to, from) => {
      for (let channel = 0; channel < x.depth; channel++) {
        const place = to * x.depth + channel;
        result.data[place] = Math.max(result.data[place], x.data[from * x.depth + channel]);
      }
    });
    return result;
  },

  AveragePooling2D: ([x], {pool_size: [size], strides}) => {
    if (size !== 1) throw new Error(`AveragePooling2D of ${size} pixels; only every second pixel of 1 is known here`);
    const rows = windows(x.height, 1, strides[0], "same");
    const columns = windows(x.width, 1, strides[1], "same");
    const result = tensor(rows.count, columns.count, x.depth);
    slide(x, [1, 1], strides, "same", (to, from) =>
      result.data.set(x.data.subarray(from * x.depth, (from + 1) * x.depth), to * x.depth));
    return result;
  },

  Add: ([x, y]) => ({...x, data: x.data.map((value, index) => value + y.data[index])}),

  GlobalAveragePooling2D: ([x]) => {
    const result = tensor(1, 1, x.depth);
    x.data.forEach((value, index) => (result.data[index % x.depth] += value / (x.height * x.width)));
    return result;
  },

  Dense: ([x], {activation, shapes: [[, outer]]}, [kernel, bias]) => {
    const result = tensor(1, 1, outer);
    for (let unit = 0; unit < outer; unit++)
      result.data[unit] = x.data.reduce((sum, value, index) => sum + value * kernel[index * outer + unit], bias[unit]);
    return activations[activation](result);
  },
};

// The weights of each layer, as views into one array.
function unpack(network) {
  const bytes = Uint8Array.from(atob(network.weights), (letter) => letter.charCodeAt(0));
  const all = new Float32Array(bytes.buffer);
  let start = 0;
  for (const layer of network.layers)
    layer.weights = layer.shapes.map((shape) => all.subarray(start, (start += shape.reduce((a, b) => a * b, 1))));
}

// All outputs of a network by the name of the layer, for pixels of 0 to 255: red, green, blue, row by row.
function run(network, pixels) {
  const picture = {height: network.size, width: network.size, depth: 3, data: Float32Array.from(pixels)};
  const outputs = {picture};
  for (const layer of network.layers)
    outputs[layer.name] = layers[layer.kind](layer.inputs.map((name) => outputs[name]), layer, layer.weights);
  return outputs;
}

// Grad-CAM behind global pooling and one dense layer needs no gradient: the weight of a map is that of its mean.
// Returns one map for the second class, a dog; for the first it is the opposite.
function explain(network, outputs) {
  const dense = network.layers.at(-1);
  const pooling = network.layers.find((layer) => layer.name === dense.inputs[0]);
  const maps = outputs[pooling.inputs[0]];
  const heat = tensor(maps.height, maps.width, 1);
  const weights = dense.weights[0];
  maps.data.forEach((value, index) => {
    heat.data[Math.floor(index / maps.depth)] += value * weights[index % maps.depth];
  });
  return each(heat, (value) => value / (maps.height * maps.width * maps.depth)); // means over places and channels
}

// What the page shows

const SHOWN = 256; // pixels of a picture on the page

function makeCanvas(height, width, paint) {
  const canvas = document.createElement("canvas");
  [canvas.height, canvas.width] = [height, width];
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < height * width; pixel++) image.data.set([...paint(pixel), 255], 4 * pixel);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// The pixels of the picture on a canvas at a network's size.
function shrink(canvas, size) {
  const small = document.createElement("canvas");
  [small.height, small.width] = [size, size];
  const context = small.getContext("2d", {willReadFrequently: true});
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, size, size);
  return context.getImageData(0, 0, size, size).data.filter((_, index) => index % 4 < 3);
}

function showOn(id, canvas, smooth = false) {
  const context = document.getElementById(id).getContext("2d");
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, SHOWN, SHOWN);
}

function showMask(probabilities) {
  const parse = (code) => [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16));
  const colours = Object.values(LIVE.classes).map(parse);
  const {height, width, depth, data} = probabilities;
  const winner = (pixel) => {
    const shares = data.subarray(pixel * depth, (pixel + 1) * depth);
    return shares.indexOf(Math.max(...shares));
  };
  showOn("live-mask", makeCanvas(height, width, (pixel) => colours[winner(pixel)]));
}

function showHeat(heat, sign) {
  const largest = heat.data.reduce((best, value) => Math.max(best, sign * value), 0) || 1;
  const share = (pixel) => Math.max(sign * heat.data[pixel], 0) / largest;
  const colours = makeCanvas(heat.height, heat.width, (pixel) => LIVE.magma[Math.round(255 * share(pixel))]);
  showOn("live-heat", document.getElementById("live-picture"));
  const context = document.getElementById("live-heat").getContext("2d");
  context.globalAlpha = 0.5;
  showOn("live-heat", colours, true);
  context.globalAlpha = 1;
}

function showChannels(maps) {
  const columns = Math.ceil(Math.sqrt(maps.depth));
  const rows = Math.ceil(maps.depth / columns);
  const largest = new Float32Array(maps.depth).fill(1e-9);
  maps.data.forEach((value, index) => (largest[index % maps.depth] = Math.max(largest[index % maps.depth], value)));
  const [height, width] = [rows * (maps.height + 1), columns * (maps.width + 1)];
  const grid = makeCanvas(height, width, (pixel) => {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    const channel = Math.floor(y / (maps.height + 1)) * columns + Math.floor(x / (maps.width + 1));
    const [row, column] = [y % (maps.height + 1), x % (maps.width + 1)];
    if (row === maps.height || column === maps.width || channel >= maps.depth) return [128, 128, 128];
    const value = maps.data[(row * maps.width + column) * maps.depth + channel] / largest[channel];
    return LIVE.magma[Math.round(255 * Math.max(value, 0))];
  });
  showOn("live-channels", grid);
}

function say(id, text) {
  document.getElementById(id).textContent = text;
}

let mask, outputs; // what the networks have said of the picture

// Runs both networks on what lies on the canvas `live-picture`.
function look() {
  const picture = document.getElementById("live-picture");
  const {masks, heads} = LIVE.networks;
  const started = performance.now();
  mask = run(masks, shrink(picture, masks.size))[masks.layers.at(-1).name];
  outputs = run(heads, shrink(picture, heads.size));
  say("live-time", `both networks took ${((performance.now() - started) / 1000).toFixed(2)} s here`);
  show();
}

// Shows what the networks have said, for the class and the layer that are chosen.
function show() {
  const {heads} = LIVE.networks;
  showMask(mask);
  const dog = outputs[heads.layers.at(-1).name].data[0];
  document.getElementById("live-dog").value = dog;
  say("live-answer", `cat ${(1 - dog).toFixed(3)}, dog ${dog.toFixed(3)}`);
  const forDog = document.querySelector("input[name=live-class]:checked").value === "dog";
  showHeat(explain(heads, outputs), forDog ? 1 : -1);
  const layer = document.getElementById("live-layer").value;
  showChannels(outputs[layer]);
  const {height, width, depth} = outputs[layer];
  say("live-shape", `${depth} maps of ${height} × ${width}; each is as bright as its own largest value allows`);
}

// Puts a picture on the canvas, as a square, which is how the networks have learned to see pictures, and looks at it.
function take(image) {
  const context = document.getElementById("live-picture").getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, SHOWN, SHOWN);
  context.drawImage(image, 0, 0, SHOWN, SHOWN);
  say("live-answer-to-file", "");
  look();
}

function takeFile(file) {
  const image = new Image();
  image.onload = () => {
    take(image);
    URL.revokeObjectURL(image.src);
  };
  const advice = "is no picture that this browser can read: take a JPEG, a PNG or a WebP";
  image.onerror = () => say("live-answer-to-file", `${file.name} ${advice}`);
  image.src = URL.createObjectURL(file);
}

function begin() {
  Object.values(LIVE.networks).forEach(unpack);
  const layer = document.getElementById("live-layer");
  for (const {name, kind} of LIVE.networks.heads.layers)
    if (/Conv|Add|^MaxPooling|Activation/.test(kind)) layer.add(new Option(`${name} (${kind})`, name));
  layer.selectedIndex = 1;
  layer.addEventListener("change", show);
  document.querySelectorAll("input[name=live-class]").forEach((input) => input.addEventListener("change", show));

  const pets = document.getElementById("live-pets");
  LIVE.pets.forEach(({alt, url}) => {
    const button = document.createElement("button");
    const image = new Image(64, 64);
    Object.assign(button, {type: "button", title: alt});
    Object.assign(image, {alt, src: url});
    button.append(image);
    button.addEventListener("click", () => take(image));
    pets.append(button);
  });

  const picture = document.getElementById("live-picture");
  const context = picture.getContext("2d", {willReadFrequently: true});
  const place = (event) => {
    const box = picture.getBoundingClientRect();
    return [((event.clientX - box.left) * SHOWN) / box.width, ((event.clientY - box.top) * SHOWN) / box.height];
  };
  let last = null;
  const draw = (event) => {
    if (!last || !event.isPrimary) return;
    const next = place(event);
    const strokeStyle = document.getElementById("live-colour").value;
    Object.assign(context, {strokeStyle, lineWidth: 16, lineCap: "round"});
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...next);
    context.stroke();
    last = next;
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    last = place(event);
    picture.setPointerCapture(event.pointerId);
    draw(event);
  });
  picture.addEventListener("pointermove", draw);
  picture.addEventListener("lostpointercapture", () => {
    last = null;
    look();
  });
  document.getElementById("live-clear").addEventListener("click", () => {
    context.fillStyle = document.getElementById("live-colour").value;
    context.fillRect(0, 0, SHOWN, SHOWN);
    look();
  });

  document.getElementById("live-file").addEventListener("change", ({target}) => {
    if (target.files[0]) takeFile(target.files[0]);
    target.value = ""; // so that the same file can be opened again
  });
  const page = document.getElementById("live");
  page.addEventListener("dragover", (event) => event.preventDefault());
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) takeFile(event.dataTransfer.files[0]);
  });
  const first = pets.querySelector("img");
  first.decode().then(() => take(first));
}

begin();
