/** Modules with several outputs, and their gradients. */
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  CrossEntropyLoss,
  GaussianNLLLoss,
  GlobalAvgPool,
  HuberLoss,
  type Input,
  Linear,
  Module,
  MSELoss,
  ReLU,
  Softplus,
  Tanh,
  type Tensor,
} from 'evenkeel';
import { close, equal, ofGoldens } from '../checks/check.ts';

class Heads extends Module {
  readonly body = new Linear(5, 7);
  readonly bn = new BatchNorm1d(7);
  readonly relu = new ReLU();
  readonly left = new Linear(7, 3);
  readonly right = new Linear(7, 4);

  override forward(x: Input) {
    const h = this.relu.forward(this.bn.forward(this.body.forward(x)));
    return { left: this.left.forward(h), h, right: this.right.forward(h) };
  }
}

class Pyramid extends Module {
  readonly fine = new Conv2d(2, 4, 3, { padding: 1 });
  readonly tanh = new Tanh();
  readonly coarse = new Conv2d(4, 5, 3, { stride: 2 });
  readonly bn = new BatchNorm2d(5);
  readonly pool = new GlobalAvgPool();
  readonly head = new Linear(5, 3);

  override forward(x: Input) {
    const fine = this.tanh.forward(this.fine.forward(x));
    const coarse = this.bn.forward(this.coarse.forward(fine));
    return [fine, coarse, this.head.forward(this.pool.forward(coarse))];
  }
}

class Normal extends Module {
  readonly body = new Linear(5, 6);
  readonly tanh = new Tanh();
  readonly mean = new Linear(6, 2);
  readonly variance = new Linear(6, 2);
  readonly softplus = new Softplus();

  override forward(x: Input) {
    const h = this.tanh.forward(this.body.forward(x));
    return [this.mean.forward(h), this.softplus.forward(this.variance.forward(h))];
  }
}

type Outputs = Record<string, Tensor>;

const MODELS = { Heads, Pyramid, Normal };
const NEAR = { rtol: 2e-6, scaled: 2e-6 };
/** Sums of many terms; that of a bias before a batch norm is 0 up to rounding. */
const SUMS = { scaled: 1e-5, atol: 1e-5 };

/** The losses of a forward, and its backward. */
function differentiate(
  kind: string,
  model: Module,
  outputs: Outputs,
  { dys, targets }: { dys?: [name: string, dy: Input][]; targets?: Input[] },
): { dx: Tensor; losses: number[] } {
  const backward = (...gradients: unknown[]) => model.backward(...(gradients as [never]));
  if (dys) {
    const given = Object.fromEntries(dys);
    const listed = Object.keys(outputs).map((i) => given[i]);
    return { dx: backward(Array.isArray(outputs) ? listed : given), losses: [] };
  }
  if (kind === 'Normal') {
    const loss = new GaussianNLLLoss();
    const value = loss.forward(outputs as unknown as Tensor[], targets![0]!);
    return { dx: backward(loss.backward(3)), losses: [value] };
  }
  const [mse, huber, cross] = [
    new MSELoss(),
    new HuberLoss({ delta: 0.7 }),
    new CrossEntropyLoss({ labelSmoothing: 0.1 }),
  ];
  const [values, others, labels] = targets as [Input, Input, { data: Int32Array }];
  const losses = [
    mse.forward(outputs.left!, values),
    huber.forward(outputs.left!, others),
    cross.forward(outputs.right!, [...labels.data]),
  ];
  const right = cross.backward(2);
  const dx = backward({ left: mse.backward() }, { left: huber.backward(0.25), right });
  return { dx, losses };
}

export default ofGoldens('outputs', ({ kind, state, x, outputs, gradients, ...golden }) => {
  const model = new MODELS[kind as keyof typeof MODELS]();
  model.loadStateDict(state, { strict: false });
  const found = model.forward(x) as unknown as Outputs;
  equal(Object.keys(found), Object.keys(outputs), 'names');
  for (const [name, y] of Object.entries(found)) {
    close(y.toArray(), outputs[name].data, NEAR, name);
  }
  const { dx, losses } = differentiate(kind, model, found, golden);
  close(dx.toArray(), golden.dx.data, NEAR, 'dx');
  if (golden.losses) close(losses, golden.losses, NEAR, 'losses');
  for (const [name, { grad, size }] of model.namedParameters()) {
    // A parameter that leads to none of the outputs with gradients has none, or zeros.
    const expected = gradients[name]?.data ?? new Float32Array(size);
    close(grad?.toArray() ?? new Float32Array(size), expected, SUMS, `gradient of ${name}`);
  }
  const after = model.stateDict();
  for (const name of Object.keys(golden.running)) {
    close(after[name]!.toArray(), golden.running[name].data, NEAR, name);
  }
  model.dispose();
  return model;
});
