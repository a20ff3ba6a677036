/** Layers whose kernels are those of Winograd's method. */
import { describe, expect, it, vi } from 'vitest';
import { Conv2d, ConvTranspose2d, type Module, manualSeed } from '../../src/index.ts';
import { takesWinograd } from '../../src/layers/conv/winograd.ts';
import { expectClose } from '../support/close.ts';
import { TestRandom } from '../support/random.ts';

const random = new TestRandom(3);

const wide = { channels: 16, outChannels: 16, h: 9, w: 9, outH: 9, outW: 9 };
const plain = { kernelH: 3, kernelW: 3, strideH: 1, strideW: 1, dilationH: 1, dilationW: 1 };
const shape = { ...wide, ...plain, top: 1, left: 1, groups: 1 };

function step(model: Module, n: number) {
  const x = { data: random.normals(n * 16 * 81), shape: [n, 16, 9, 9] };
  const y = model.forward(x);
  const dy = { data: random.normals(y.size), shape: y.shape };
  const results = { x, dy, y: y.toArray(), dx: model.backward(dy).toArray() };
  const [weight, bias] = model.parameters().map(({ grad }) => grad!.toArray());
  return { ...results, weight: weight!, bias: bias! };
}

describe('Winograd’s method', () => {
  it('is chosen by sizes', () => {
    expect(takesWinograd(shape)).toBe(true);
    const others: Partial<typeof shape>[] = [
      { channels: 15 },
      { outChannels: 15 },
      { channels: 257, outChannels: 256 },
      { kernelH: 1 },
      { kernelW: 5 },
      { strideH: 2 },
      { strideW: 2 },
      { dilationH: 2 },
      { groups: 16 },
      { top: 3 },
      { left: 3 },
      { h: 2 },
      { outW: 2 },
    ];
    for (const other of others) expect(takesWinograd({ ...shape, ...other })).toBe(false);
  });

  it.each([Conv2d, ConvTranspose2d])('%o agrees with the direct sum', async (Layer) => {
    vi.resetModules();
    const fresh = await import('../../src/index.ts');
    fresh.useDirectConvolutions();
    const layer = new Layer(16, 20, 3, { padding: 1 });
    const direct = new fresh[Layer.name as 'Conv2d'](16, 20, 3, { padding: 1 });
    const state = Object.entries(layer.stateDict()).map(([name, tensor]) => {
      return [name, { data: tensor.toArray(), shape: tensor.shape }];
    });
    direct.loadStateDict(Object.fromEntries(state));
    const found = step(layer, 3);
    direct.forward(found.x);
    const tolerance = { rtol: 1e-5, scaled: 2e-6 };
    const dx = direct.backward(found.dy).toArray();
    expectClose(found.y, direct.forward(found.x).toArray(), tolerance);
    expectClose(found.dx, dx, tolerance);
    const [weight, bias] = direct.parameters().map(({ grad }) => grad!.toArray());
    expectClose(found.weight, weight!, tolerance);
    expectClose(found.bias, bias!, tolerance);
    // Other kernels, other bits: the switch did something.
    expect(found.y).not.toEqual(direct.forward(found.x).toArray());
  });

  it('gives a sample the same bits whatever the batch, and in prediction', () => {
    manualSeed(1);
    const conv = new Conv2d(16, 16, 3, { padding: 1 });
    const x = { data: random.normals(5 * 16 * 81), shape: [5, 16, 9, 9] };
    const together = conv.forward(x).toArray();
    expect(conv.predict(x).toArray()).toEqual(together);
    for (let i = 0; i < 5; i++) {
      const size = 16 * 81;
      const one = { data: x.data.slice(i * size, (i + 1) * size), shape: [1, 16, 9, 9] };
      expect(conv.predict(one).toArray()).toEqual(together.slice(i * size, (i + 1) * size));
    }
  });
});
