/** The area to draw on, and what the networks say of the drawing. */
/** The classes of Fashion-MNIST. */
export const CLOTHES = [
  ...['T-shirt', 'trouser', 'pullover', 'dress', 'coat'],
  ...['sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'],
] as const;

const SIZE = 28;
/** The longest side of a drawing, after it is scaled. */
const EXTENT = 26;
const SHOWN = 3;

export class Pad {
  private readonly context: CanvasRenderingContext2D;
  private drawing = false;
  /** Whether the canvas shows a drawing, which is centred and scaled, or a test image, which is not. */
  private drawn = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly changed: () => void,
  ) {
    this.context = canvas.getContext('2d', { willReadFrequently: true })!;
    this.clear();
    canvas.addEventListener('pointerdown', (event) => this.begin(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    for (const type of ['pointerup', 'pointercancel'] as const) {
      canvas.addEventListener(type, () => {
        this.drawing = false;
      });
    }
  }

  clear(): void {
    const { width, height } = this.canvas;
    this.context.fillStyle = '#000';
    this.context.fillRect(0, 0, width, height);
    this.drawn = true;
  }

  /** Shows an image, [784] from 0 to 1. */
  show(pixels: Float32Array): void {
    const image = this.context.createImageData(SIZE, SIZE);
    for (const [i, value] of pixels.entries()) {
      image.data.fill(Math.round(255 * value), 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    }
    const { width, height } = this.canvas;
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small(image), 0, 0, width, height);
    this.context.imageSmoothingEnabled = true;
    this.drawn = false;
  }

  /** The image as the networks take it, [784] from 0 to 1. */
  get pixels(): Float32Array {
    const { width, height } = this.canvas;
    const box = this.drawn ? boxOf(this.context.getImageData(0, 0, width, height)) : undefined;
    const target = document.createElement('canvas');
    target.width = target.height = SIZE;
    const context = target.getContext('2d')!;
    context.imageSmoothingQuality = 'high';
    if (box) {
      const scale = EXTENT / Math.max(box.width, box.height);
      const [w, h] = [box.width * scale, box.height * scale];
      const at = [(SIZE - w) / 2, (SIZE - h) / 2] as const;
      context.drawImage(this.canvas, box.left, box.top, box.width, box.height, ...at, w, h);
    } else {
      context.drawImage(this.canvas, 0, 0, SIZE, SIZE);
    }
    const { data } = context.getImageData(0, 0, SIZE, SIZE);
    return Float32Array.from({ length: SIZE * SIZE }, (_, i) => data[4 * i]! / 255);
  }

  private begin(event: PointerEvent): void {
    if (!this.drawn) this.clear();
    this.drawing = true;
    this.canvas.setPointerCapture(event.pointerId);
    const [x, y] = this.place(event);
    this.context.beginPath();
    this.context.moveTo(x, y);
    this.line(x + 0.01, y);
  }

  private move(event: PointerEvent): void {
    if (!this.drawing) return;
    this.line(...this.place(event));
  }

  private line(x: number, y: number): void {
    Object.assign(this.context, {
      strokeStyle: '#ddd',
      lineWidth: 22,
      lineCap: 'round',
      lineJoin: 'round',
    });
    this.context.lineTo(x, y);
    this.context.stroke();
    this.changed();
  }

  private place({ clientX, clientY }: PointerEvent): [number, number] {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const [x, y] = [(clientX - left) / width, (clientY - top) / height];
    return [x * this.canvas.width, y * this.canvas.height];
  }
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The smallest box around what is not black; undefined if all is. */
export function boxOf({ data, width, height }: ImageData): Box | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[4 * (y * width + x)]! < 32) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Shows the most probable classes in a list that has SHOWN lines. */
export function showAnswer(list: HTMLElement, probabilities: Float32Array): void {
  const best = Array.from(probabilities, (p, label) => ({ p, label }))
    .sort((x, y) => y.p - x.p)
    .slice(0, SHOWN);
  if (list.children.length === 0) {
    for (let i = 0; i < SHOWN; i++) {
      const item = document.createElement('li');
      for (const name of ['name', 'bar', 'share']) {
        const span = document.createElement('span');
        span.className = name;
        item.append(span);
      }
      list.append(item);
    }
  }
  for (const [i, { p, label }] of best.entries()) {
    const [name, bar, share] = [...list.children[i]!.children] as HTMLElement[];
    name!.textContent = CLOTHES[label]!;
    bar!.style.setProperty('--share', String(Number.isFinite(p) ? p : 0));
    share!.textContent = Number.isFinite(p) ? `${Math.round(100 * p)} %` : '–';
  }
}

function small(image: ImageData): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  return canvas;
}
