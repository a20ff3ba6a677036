/**
 * A transformer that predicts the next character (Vaswani et al., "Attention Is All You Need", 2017,
 * arXiv:1706.03762; with norms before the blocks, as in GPT-2). `--norm rms` takes RMS norm in the place of layer
 * norm. transformer.py is its twin for PyTorch.
 *
 *   node examples/papers/transformer.js --norm layer
 */
import * as nn from 'evenkeel';
import { add, reshape } from 'evenkeel';
import { ALPHABET, sentences } from './data.js';
import { program } from './run.js';

const CONTEXT = 64;
const WIDTH = 64;
const HEADS = 4;
const BLOCKS = 2;
const NORMS = { layer: () => new nn.LayerNorm(WIDTH), rms: () => new nn.RMSNorm(WIDTH) };

class Block extends nn.Module {
  attention = new nn.MultiheadAttention(WIDTH, HEADS, { batchFirst: true, causal: true });
  mlp = new nn.Sequential(
    new nn.Linear(WIDTH, 4 * WIDTH),
    new nn.GELU(),
    new nn.Linear(4 * WIDTH, WIDTH),
  );

  constructor(norm) {
    super();
    this.norm1 = NORMS[norm]();
    this.norm2 = NORMS[norm]();
  }

  forward(x) {
    const y = add(x, this.attention.forward(this.norm1.forward(x)));
    return add(y, this.mlp.forward(this.norm2.forward(y)));
  }
}

class Transformer extends nn.Module {
  characters = new nn.Embedding(ALPHABET.length, WIDTH);
  positions = new nn.Parameter(nn.Tensor.zeros([CONTEXT, WIDTH]));
  head = new nn.Linear(WIDTH, ALPHABET.length);

  constructor(norm) {
    super();
    nn.init.normal(this.positions, 0, 0.02);
    const blocks = Array.from({ length: BLOCKS }, () => new Block(norm));
    this.blocks = new nn.Sequential(...blocks, NORMS[norm]());
  }

  /** [N, T] numbers of characters → [N·T, characters] logits of those that follow. */
  forward(codes) {
    const x = add(this.characters.forward(codes), this.positions);
    return reshape(this.head.forward(this.blocks.forward(x)), [-1, ALPHABET.length]);
  }
}

/** The characters from each of the places on, and those that follow them. */
function windows(codes, places) {
  const from = (shift) =>
    places.flatMap((i) => [...codes.subarray(i + shift, i + shift + CONTEXT)]);
  return { inputs: { data: from(0), shape: [places.length, CONTEXT] }, targets: from(1) };
}

export const train = program(
  import.meta.url,
  async ({ norm, steps, batch, lr }) => {
    const text = sentences(4000, 1).codes;
    const test = sentences(200, 2);
    const model = new Transformer(norm);
    const loss = new nn.CrossEntropyLoss();
    const optimizer = new nn.AdamW(model.parameters(), { lr });
    for (let step = 0; step < steps; step++) {
      const places = nn.defaultGenerator.integers([batch], text.length - CONTEXT);
      const { inputs, targets } = windows(text, [...places.toArray()]);
      loss.forward(model.forward(inputs), targets);
      optimizer.zeroGrad();
      model.backward(loss.backward());
      optimizer.step();
    }
    const places = Array.from({ length: 100 }, (_, i) => i * CONTEXT);
    const { inputs, targets } = windows(test.codes, places);
    return { loss: loss.forward(model.predict(inputs), targets), least: test.nats };
  },
  { norm: 'layer', steps: 400, batch: 16, lr: 3e-3 },
);
