import { describe } from '../tensor/check.ts';
import { optionsOf } from '../tensor/options.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The `ImageData` of a canvas, or an object like it: RGBA bytes in row-major order. */
export interface ImageLike {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

export interface FromImageDataOptions {
  /** 1: grey, 0.299 R + 0.587 G + 0.114 B. 3: red, green, blue. 4: these and alpha. Default 3. */
  channels?: 1 | 3 | 4;
  /** A factor for each byte. Default 1/255. */
  scale?: number;
}

/**
 * Converts an image to a Tensor [1, channels, height, width], ready for `predict`.
 *
 * Colours are not multiplied by alpha, so draw on an opaque background.
 *
 * ```ts
 * const pixels = canvas.getContext('2d').getImageData(0, 0, 28, 28);
 * const logits = model.predict(fromImageData(pixels, { channels: 1 }));
 * ```
 *
 * @throws TypeError if `image` is not `{ data, width, height }`
 * @throws RangeError if `channels` is not 1, 3 or 4, or if there are not 4·width·height bytes
 */
export function fromImageData(
  image: ImageLike,
  ...rest: [options?: FromImageDataOptions | undefined]
): Tensor {
  const { channels, scale } = optionsOf('fromImageData', rest, { channels: 3, scale: 1 / 255 });
  const { data, width, height } = image ?? {};
  if (data?.length === undefined || typeof width !== 'number' || typeof height !== 'number') {
    throw new TypeError(`fromImageData: expected { data, width, height }, got ${describe(image)}`);
  }
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new RangeError(`fromImageData: channels expected 1, 3 or 4, got ${channels}`);
  }
  const area = width * height;
  if (data.length !== 4 * area) {
    throw new RangeError(
      `fromImageData: ${width} × ${height} pixels expected ${4 * area} bytes, got ${data.length}`,
    );
  }
  const values = new Float32Array(channels * area);
  for (let i = 0; i < area; i++) {
    const p = 4 * i;
    if (channels === 1) {
      values[i] = (0.299 * data[p]! + 0.587 * data[p + 1]! + 0.114 * data[p + 2]!) * scale;
    } else {
      for (let c = 0; c < channels; c++) values[c * area + i] = data[p + c]! * scale;
    }
  }
  return Tensor.from(values, [1, channels, height, width]);
}
