// A page: training runs in a Worker, while this thread draws the network's predictions.
import { argmax, evaluate } from 'evenkeel';
import { train } from 'evenkeel/worker';
import { network, spiral } from '../spiral.js';

const output = document.querySelector('output');
const canvas = document.querySelector('canvas');
const data = spiral();
const model = network();

const worker = new Worker(new URL('../worker.js', import.meta.url), { type: 'module' });
const run = train(worker, { data, epochs: 400 });
document.querySelector('button').onclick = () => run.stop(); // ends early and keeps the weights

for await (const { epoch, step, steps, loss } of run) {
  if (step < steps || epoch % 20 > 0) continue;
  output.value = `epoch ${epoch}, loss ${loss.toFixed(4)}`;
  model.loadStateDict(await run.snapshot());
  draw();
}
model.loadStateDict(await run.stateDict);
worker.terminate();
draw();
output.value = `${(100 * evaluate(model, data).accuracy).toFixed(1)} % on the right arm`;

/** Draws the predicted arm for each cell of a grid, and the points on top. */
function draw() {
  const context = canvas.getContext('2d');
  const n = 64;
  const cell = canvas.width / n;
  // The centre of each cell, x and y from −1 to 1.
  const grid = Float32Array.from({ length: 2 * n * n }, (_, i) => {
    const point = Math.floor(i / 2);
    const [column, row] = [point % n, Math.floor(point / n)];
    return (2 * (i % 2 === 0 ? column : row) + 1) / n - 1;
  });
  argmax(model.predict({ data: grid, shape: [n * n, 2] })).forEach((arm, i) => {
    context.fillStyle = ['#dbe9f6', '#fde3cf', '#dff0d8'][arm];
    context.fillRect((i % n) * cell, Math.floor(i / n) * cell, cell, cell);
  });
  data.targets.forEach((arm, i) => {
    context.fillStyle = ['#2b6ca3', '#d9722e', '#4a8f3c'][arm];
    const [x, y] = data.inputs.data.subarray(2 * i);
    context.fillRect((canvas.width * (x + 1)) / 2 - 2, (canvas.width * (y + 1)) / 2 - 2, 4, 4);
  });
}
