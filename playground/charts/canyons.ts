/** The loss around the weights: a map of each network, and both along the gradient. */
import { finite } from '../page/history.ts';
import { short } from '../page/numbers.ts';
import { paint } from '../page/painter.ts';
import type { Canyon, Which } from '../protocol.ts';
import { Chart, line } from './chart.ts';

/** Dark blue to yellow, even in lightness (matplotlib's viridis, at seven places). */
const SHADES = [
  [68, 1, 84],
  [68, 57, 131],
  [49, 104, 142],
  [33, 145, 140],
  [53, 183, 121],
  [144, 215, 67],
  [253, 231, 37],
] as const;
/** Steps of the map between the lowest and the highest loss. */
const LEVELS = 14;

export class Canyons {
  private readonly seen: Partial<Record<Which, Canyon>> = {};
  private readonly slice: Chart;

  constructor(
    private readonly canvases: Readonly<Record<Which, HTMLCanvasElement>>,
    slice: HTMLElement,
    private readonly names: Readonly<Record<Which, string>>,
  ) {
    const from: [number, number] = [-0.3, 0.3];
    this.slice = new Chart(slice, {
      label: 'Loss along the gradient',
      small: true,
      series: [line('b', { dash: [7, 3] }), line('a')],
      x: { range: () => from, format: (share) => `${Math.round(100 * share)} %`.replace('-', '−') },
    });
    for (const which of ['a', 'b'] as const) {
      const { width, height } = canvases[which];
      canvases[which].getContext('2d')!.clearRect(0, 0, width, height);
      canvases[which].setAttribute('aria-label', `${names[which]}: not measured yet`);
    }
  }

  set(which: Which, canyon: Canyon): void {
    this.seen[which] = canyon;
    paint(this.canvases[which], () => this.draw(which, canyon));
    const { a, b } = this.seen;
    const { cells, reach } = canyon;
    const places = Array.from({ length: cells }, (_, i) => reach * ((2 * i) / (cells - 1) - 1));
    const middle = (of?: Canyon): (number | null)[] =>
      places.map((_, i) => (of ? finite(of.losses[((cells - 1) / 2) * cells + i]!) : null));
    this.slice.set(() => [places, middle(b), middle(a)]);
  }

  dispose(): void {
    this.slice.dispose();
  }

  private draw(which: Which, { cells, losses, stepLength, step }: Canyon): void {
    const canvas = this.canvases[which];
    const context = canvas.getContext('2d')!;
    const { width, height } = canvas;
    const low = Math.min(...losses);
    const high = Math.max(...losses);
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const table = shades();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = between(
          losses,
          cells,
          (x / (width - 1)) * (cells - 1),
          (y / (height - 1)) * (cells - 1),
        );
        const level = Math.min(
          LEVELS - 1,
          Math.floor(((value - low) / (high - low || 1)) * LEVELS),
        );
        pixels[y * width + x] = table[Math.max(0, level)]!;
      }
    }
    context.putImageData(image, 0, 0);
    const cell = width / (cells - 1);
    arrow(context, width / 2, height / 2, Math.min(stepLength * cell, width / 2 - 12));
    canvas.setAttribute(
      'aria-label',
      `${this.names[which]}: the loss around the weights of step ${step}, from ${short(low)} to ${short(high)}`,
    );
  }
}

/** The value at a place between the cells. */
function between(values: Float32Array, cells: number, x: number, y: number): number {
  const [column, row] = [Math.min(cells - 2, Math.floor(x)), Math.min(cells - 2, Math.floor(y))];
  const [u, v] = [x - column, y - row];
  const at = row * cells + column;
  const above = values[at]! * (1 - u) + values[at + 1]! * u;
  const below = values[at + cells]! * (1 - u) + values[at + cells + 1]! * u;
  return above * (1 - v) + below * v;
}

/** The colours of the levels as 32-bit pixels. */
function shades(): Uint32Array {
  return Uint32Array.from({ length: LEVELS }, (_, level) => {
    const at = (level / (LEVELS - 1)) * (SHADES.length - 1);
    const i = Math.min(SHADES.length - 2, Math.floor(at));
    const [r, g, b] = [0, 1, 2].map((c) =>
      Math.round(SHADES[i]![c]! * (1 - at + i) + SHADES[i + 1]![c]! * (at - i)),
    ) as [number, number, number];
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

function arrow(context: CanvasRenderingContext2D, x: number, y: number, length: number): void {
  for (const [colour, width] of [
    ['#000', 5],
    ['#fff', 2.5],
  ] as const) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + length, y);
    context.stroke();
    context.beginPath();
    context.arc(x, y, width + 1.5, 0, 2 * Math.PI);
    context.fill();
  }
}
