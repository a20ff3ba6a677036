/** The plane of a data set with two features: what a network says of each place, and the test points. */
import { paint } from '../page/painter.ts';
import { colour } from '../page/theme.ts';
import type { Plane } from '../protocol.ts';
import type { Samples } from '../worker/data.ts';

const CLASSES = ['class0', 'class1', 'class2'] as const;

/** At most this many of the test points are drawn. */
const POINTS = 150;

export function drawPlane(canvas: HTMLCanvasElement, plane: Plane, points: Samples): void {
  paint(canvas, () => {
    const context = canvas.getContext('2d')!;
    const { width, height } = canvas;
    const { cells, classes, certainty } = plane;
    const cell = width / cells;
    context.globalAlpha = 1;
    context.fillStyle = colour('surface');
    context.fillRect(0, 0, width, height);
    const lowest = 1 / (new Set(points.targets).size || 2);
    for (let i = 0; i < classes.length; i++) {
      context.fillStyle = colour(CLASSES[classes[i]!]!);
      context.globalAlpha = 0.06 + (0.44 * (certainty[i]! - lowest)) / (1 - lowest);
      const [left, top] = [
        Math.floor((i % cells) * cell),
        Math.floor(Math.floor(i / cells) * cell),
      ];
      context.fillRect(left, top, Math.ceil(cell), Math.ceil(cell));
    }
    context.globalAlpha = 1;
    context.lineWidth = 1.25;
    context.strokeStyle = colour('surface');
    for (let i = 0; i < Math.min(POINTS, points.targets.length); i++) {
      const x = ((points.inputs.data[2 * i]! + 1) / 2) * width;
      const y = ((1 - points.inputs.data[2 * i + 1]!) / 2) * height;
      context.fillStyle = colour(CLASSES[points.targets[i]!]!);
      mark(context, points.targets[i]!, x, y);
    }
  });
}

/** A disc, a square or a triangle: classes differ in shape, not in colour alone. */
function mark(context: CanvasRenderingContext2D, label: number, x: number, y: number): void {
  context.beginPath();
  if (label === 0) {
    context.arc(x, y, 4, 0, 2 * Math.PI);
  } else if (label === 1) {
    context.rect(x - 3.6, y - 3.6, 7.2, 7.2);
  } else {
    context.moveTo(x, y - 5);
    context.lineTo(x + 4.8, y + 3.6);
    context.lineTo(x - 4.8, y + 3.6);
    context.closePath();
  }
  context.fill();
  context.stroke();
}
