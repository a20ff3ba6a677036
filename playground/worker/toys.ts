/** Data sets of two features in [−1, 1] and two or three classes. */
import type { Settings } from '../settings.ts';
import type { Samples } from './data.ts';

export type Toy = Exclude<Settings['data'], 'fashion'>;

type Point = [x: number, y: number];
interface Maker {
  readonly classes: number;
  /** A point of a class, from two numbers in [0, 1) and two of a normal distribution. */
  point(label: number, u: Point, n: Point): Point;
}

const MAKERS: Record<Toy, Maker> = {
  spiral: {
    classes: 3,
    point(label, [u], [n]) {
      const radius = 0.08 + 0.87 * u;
      const angle = 4.4 * u + (label * 2 * Math.PI) / 3 + 0.14 * n;
      return [radius * Math.sin(angle), radius * Math.cos(angle)];
    },
  },
  circles: {
    classes: 2,
    point(label, [u], [n]) {
      const radius = (label === 0 ? 0.32 : 0.75) + 0.07 * n;
      return [radius * Math.sin(2 * Math.PI * u), radius * Math.cos(2 * Math.PI * u)];
    },
  },
  xor: {
    classes: 2,
    point(label, [u, v]) {
      const x = 0.06 + 0.88 * u;
      const y = 0.06 + 0.88 * Math.abs(2 * v - 1);
      const side = v < 0.5 ? -1 : 1;
      return [side * x, side * (label === 0 ? y : -y)];
    },
  },
  gaussians: {
    classes: 3,
    point(label, _u, [m, n]) {
      const angle = (label * 2 * Math.PI) / 3;
      return [0.5 * Math.sin(angle) + 0.2 * m, 0.5 * Math.cos(angle) + 0.2 * n];
    },
  },
};

/** Points of a toy, the classes in turn. The same seed gives the same points. */
export function toy(name: Toy, count: number, seed: number): Samples {
  const { classes, point } = MAKERS[name];
  const uniform = uniforms(seed);
  const data = new Float32Array(2 * count);
  const targets = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const label = (targets[i] = i % classes);
    const noise = normals(uniform(), uniform());
    data.set(point(label, [uniform(), uniform()], noise), 2 * i);
  }
  return { inputs: { data, shape: [count, 2] }, targets };
}

/** The test points of a toy: the same ones for all seeds. */
export function toyTest(name: Toy): Samples {
  return toy(name, 300, 1000);
}

export function toyClasses(name: Toy): number {
  return MAKERS[name].classes;
}

/** Numbers in [0, 1): the generator mulberry32. */
function uniforms(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two numbers of a normal distribution (Box and Muller, 1958). */
function normals(u: number, v: number): Point {
  const radius = Math.sqrt(-2 * Math.log(1 - u));
  return [radius * Math.cos(2 * Math.PI * v), radius * Math.sin(2 * Math.PI * v)];
}
