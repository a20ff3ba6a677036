import { checkDistinct } from '../module/distinct.ts';
import { Module } from '../module/module.ts';
import type { Input, Tensor } from '../tensor/tensor.ts';
import { Add } from './add.ts';

/**
 * y = f(x) + s(x): a body with a shortcut around it (He et al., "Deep Residual Learning for Image
 * Recognition", 2015).
 *
 * @param body f
 * @param shortcut s, needed if the body changes the shape; the identity by default
 */
export class Residual extends Module {
  readonly body: Module;
  readonly shortcut: Module | undefined;
  private readonly sum = new Add();

  constructor(body: Module, shortcut?: Module, ...rest: []) {
    super(...rest);
    checkDistinct('Residual', shortcut === undefined ? [body] : [body, shortcut]);
    this.body = body;
    this.shortcut = shortcut;
  }

  override forward(x: Input): Tensor {
    return this.sum.forward([this.body.forward(x), this.shortcut?.forward(x) ?? (x as Tensor)]);
  }

  override toString(): string {
    return 'Residual';
  }
}
