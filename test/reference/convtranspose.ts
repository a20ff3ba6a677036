/** Float64 transposed convolution and its gradients, as the equation spreads each input. */

export interface ConvTransposeShape {
  n: number;
  channels: number;
  h: number;
  w: number;
  outChannels: number;
  kernel: readonly [number, number];
  stride: readonly [number, number];
  padding: readonly [top: number, bottom: number, left: number, right: number];
  outputPadding: readonly [number, number];
  dilation: readonly [number, number];
  groups: number;
}

type Numbers = ArrayLike<number>;

export function outputSize(s: ConvTransposeShape): readonly [number, number] {
  const extent = (axis: 0 | 1, size: number): number => {
    const cut = s.padding[2 * axis]! + s.padding[2 * axis + 1]!;
    const reach = s.dilation[axis] * (s.kernel[axis] - 1) + 1;
    return (size - 1) * s.stride[axis] - cut + reach + s.outputPadding[axis];
  };
  return [extent(0, s.h), extent(1, s.w)];
}

/** Calls `term` with the index of every product weight·x that is added to an entry of y. */
function forEachTerm(
  s: ConvTransposeShape,
  term: (y: number, weight: number, x: number) => void,
): void {
  const [outH, outW] = outputSize(s);
  const depth = s.channels / s.groups;
  const height = s.outChannels / s.groups;
  for (let i = 0; i < s.n; i++) {
    for (let c = 0; c < s.channels; c++) {
      for (let ih = 0; ih < s.h; ih++) {
        for (let iw = 0; iw < s.w; iw++) {
          const x = ((i * s.channels + c) * s.h + ih) * s.w + iw;
          for (let o = 0; o < height; o++) {
            const channel = Math.floor(c / depth) * height + o;
            for (let u = 0; u < s.kernel[0]; u++) {
              const oh = ih * s.stride[0] - s.padding[0] + u * s.dilation[0];
              if (oh < 0 || oh >= outH) continue;
              for (let v = 0; v < s.kernel[1]; v++) {
                const ow = iw * s.stride[1] - s.padding[2] + v * s.dilation[1];
                if (ow < 0 || ow >= outW) continue;
                const weight = ((c * height + o) * s.kernel[0] + u) * s.kernel[1] + v;
                term(((i * s.outChannels + channel) * outH + oh) * outW + ow, weight, x);
              }
            }
          }
        }
      }
    }
  }
}

export function convTransposeForward(
  s: ConvTransposeShape,
  x: Numbers,
  weight: Numbers,
  bias: Numbers,
): Float64Array {
  const [outH, outW] = outputSize(s);
  const plane = outH * outW;
  const y = Float64Array.from({ length: s.n * s.outChannels * plane }, (_, index) => {
    return bias[Math.floor(index / plane) % s.outChannels]!;
  });
  forEachTerm(s, (to, w, from) => {
    y[to]! += weight[w]! * x[from]!;
  });
  return y;
}

export function convTransposeGradients(
  s: ConvTransposeShape,
  dy: Numbers,
  x: Numbers,
  weight: Numbers,
) {
  const dx = new Float64Array(x.length);
  const dWeight = new Float64Array(weight.length);
  const dBias = new Float64Array(s.outChannels);
  forEachTerm(s, (y, w, from) => {
    dx[from]! += weight[w]! * dy[y]!;
    dWeight[w]! += x[from]! * dy[y]!;
  });
  const [outH, outW] = outputSize(s);
  for (let i = 0; i < dy.length; i++) {
    dBias[Math.floor(i / (outH * outW)) % s.outChannels]! += dy[i]!;
  }
  return { dx, dWeight, dBias };
}
