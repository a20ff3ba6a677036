/**
 * Bare loops that touch no memory: what benchmarks divide by. Not part of the module (index.ts).
 */

/**
 * Twelve independent chains x ← x·m + s, `steps` times: each of the two instructions has a latency of three
 * cycles, so it takes twelve chains to keep two units of either kind busy. 12·4·2 flop a step. (Thirteen
 * spill; a second copy of the body is slower.) Returns a sum, so that the work is not dead.
 */
export function mulAdd(steps: i32, m: f32, s: f32): f32 {
  const scale = f32x4.splat(m);
  const shift = f32x4.splat(s);
  let x0 = f32x4.splat(0);
  let x1 = f32x4.splat(1);
  let x2 = f32x4.splat(2);
  let x3 = f32x4.splat(3);
  let x4 = f32x4.splat(4);
  let x5 = f32x4.splat(5);
  let x6 = f32x4.splat(6);
  let x7 = f32x4.splat(7);
  let x8 = f32x4.splat(8);
  let x9 = f32x4.splat(9);
  let xa = f32x4.splat(10);
  let xb = f32x4.splat(11);
  let i = 0;
  while (i < steps) {
    x0 = f32x4.add(f32x4.mul(x0, scale), shift);
    x1 = f32x4.add(f32x4.mul(x1, scale), shift);
    x2 = f32x4.add(f32x4.mul(x2, scale), shift);
    x3 = f32x4.add(f32x4.mul(x3, scale), shift);
    x4 = f32x4.add(f32x4.mul(x4, scale), shift);
    x5 = f32x4.add(f32x4.mul(x5, scale), shift);
    x6 = f32x4.add(f32x4.mul(x6, scale), shift);
    x7 = f32x4.add(f32x4.mul(x7, scale), shift);
    x8 = f32x4.add(f32x4.mul(x8, scale), shift);
    x9 = f32x4.add(f32x4.mul(x9, scale), shift);
    xa = f32x4.add(f32x4.mul(xa, scale), shift);
    xb = f32x4.add(f32x4.mul(xb, scale), shift);
    i += 1;
  }
  return f32x4.extract_lane(
    f32x4.add(
      f32x4.add(
        f32x4.add(
          f32x4.add(
            f32x4.add(
              f32x4.add(
                f32x4.add(f32x4.add(f32x4.add(f32x4.add(f32x4.add(x0, x1), x2), x3), x4), x5),
                x6,
              ),
              x7,
            ),
            x8,
          ),
          x9,
        ),
        xa,
      ),
      xb,
    ),
    0,
  );
}

/**
 * The clock: a chain of dependent integer adds (x ← x + y, y ← y + x), each one cycle on any processor of
 * these years; `steps`, a multiple of 16, adds. The loop's other instructions are too few to delay the
 * chain.
 */
export function addChain(steps: i32, x: i32, y: i32): i32 {
  let i = 0;
  while (i < steps) {
    x += y;
    y += x;
    x += y;
    y += x;
    x += y;
    y += x;
    x += y;
    y += x;
    x += y;
    y += x;
    x += y;
    y += x;
    x += y;
    y += x;
    x += y;
    y += x;
    i += 16;
  }
  return x;
}
