/** Float64 two-dimensional convolution and its gradients, written to be obviously right. */

export interface ConvShape {
  n: number;
  channels: number;
  h: number;
  w: number;
  outChannels: number;
  kernelH: number;
  kernelW: number;
  strideH: number;
  strideW: number;
  top: number;
  left: number;
  bottom: number;
  right: number;
  dilationH: number;
  dilationW: number;
  groups: number;
}

/** Output height and width: ⌊(size + padding − dilation·(kernel − 1) − 1)/stride⌋ + 1. */
export function outputSize(s: ConvShape): { outH: number; outW: number } {
  const height = s.h + s.top + s.bottom - s.dilationH * (s.kernelH - 1) - 1;
  const width = s.w + s.left + s.right - s.dilationW * (s.kernelW - 1) - 1;
  return { outH: Math.floor(height / s.strideH) + 1, outW: Math.floor(width / s.strideW) + 1 };
}

/** Calls `term` with the index of every product weight·x that goes into an entry of y. */
function forEachTerm(s: ConvShape, term: (y: number, weight: number, x: number) => void): void {
  const { outH, outW } = outputSize(s);
  const depth = s.channels / s.groups;
  const height = s.outChannels / s.groups;
  for (let i = 0; i < s.n; i++) {
    for (let o = 0; o < s.outChannels; o++) {
      for (let oh = 0; oh < outH; oh++) {
        for (let ow = 0; ow < outW; ow++) {
          const y = ((i * s.outChannels + o) * outH + oh) * outW + ow;
          for (let c = 0; c < depth; c++) {
            const channel = Math.floor(o / height) * depth + c;
            for (let u = 0; u < s.kernelH; u++) {
              const ih = oh * s.strideH - s.top + u * s.dilationH;
              if (ih < 0 || ih >= s.h) continue;
              for (let v = 0; v < s.kernelW; v++) {
                const iw = ow * s.strideW - s.left + v * s.dilationW;
                if (iw < 0 || iw >= s.w) continue;
                const weight = ((o * depth + c) * s.kernelH + u) * s.kernelW + v;
                term(y, weight, ((i * s.channels + channel) * s.h + ih) * s.w + iw);
              }
            }
          }
        }
      }
    }
  }
}

type Numbers = ArrayLike<number>;

export function convForward(s: ConvShape, x: Numbers, weight: Numbers, bias?: Numbers) {
  const { outH, outW } = outputSize(s);
  const plane = outH * outW;
  const y = Float64Array.from({ length: s.n * s.outChannels * plane }, (_, index) =>
    bias ? bias[Math.floor(index / plane) % s.outChannels]! : 0,
  );
  forEachTerm(s, (to, w, from) => {
    y[to]! += weight[w]! * x[from]!;
  });
  return y;
}

export function convInputGradient(s: ConvShape, dy: Numbers, weight: Numbers): Float64Array {
  const dx = new Float64Array(s.n * s.channels * s.h * s.w);
  forEachTerm(s, (from, w, to) => {
    dx[to]! += weight[w]! * dy[from]!;
  });
  return dx;
}

export function convWeightGradient(s: ConvShape, dy: Numbers, x: Numbers): Float64Array {
  const size = s.outChannels * (s.channels / s.groups) * s.kernelH * s.kernelW;
  const dWeight = new Float64Array(size);
  forEachTerm(s, (y, w, from) => {
    dWeight[w]! += dy[y]! * x[from]!;
  });
  return dWeight;
}

export function convBiasGradient(s: ConvShape, dy: Numbers): Float64Array {
  const { outH, outW } = outputSize(s);
  const db = new Float64Array(s.outChannels);
  for (let i = 0; i < dy.length; i++) db[Math.floor(i / (outH * outW)) % s.outChannels]! += dy[i]!;
  return db;
}
