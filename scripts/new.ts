/**
 * Creates the files of a new op, with `…` where code must be written.
 *
 *   npm run new -- activation Hardswish
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const [kind, name = ''] = process.argv.slice(2);
if (kind !== 'activation' || !/^[A-Z]\w*$/.test(name)) {
  console.error('new: expected an activation and its class: npm run new -- activation Hardswish');
  process.exit(1);
}
const stem = name.toLowerCase();

const kernel = `import { Activation, backward, forward, SHORT } from '../elementwise';

@unmanaged
class ${name} extends Activation {
  /** y = … */
  value(x: v128): v128 {
    return x; // …
  }
  /** dx = dy·… */
  gradient(x: v128, dy: v128): v128 {
    return dy; // …
  }
}

/** y = … for elements [from, to); y may be x. */
export function ${stem}Forward(
  y: usize, // [size] f32
  x: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  forward<${name}>(y, x, from, to, SHORT);
}

/** dx = dy·… for elements [from, to); dx may be dy or x. */
export function ${stem}Backward(
  dx: usize, // [size] f32
  x: usize, // [size] f32
  dy: usize, // [size] f32
  from: i32,
  to: i32,
): void {
  backward<${name}>(dx, x, dy, from, to, SHORT);
}
`;

const layer = `import type { Pointer } from '../../memory/memory.ts';
import { extra } from '../../runtime/extra.ts';
import { Elementwise } from './elementwise.ts';

/**
 * y = …
 *
 * dx = dy·…. As PyTorch's \`nn.${name}\`.
 */
export class ${name} extends Elementwise {
  /** The gradient is computed from x. */
  protected override get fromOutput(): boolean {
    return false;
  }

  protected value(y: Pointer, x: Pointer, n: number): void {
    extra().${stem}Forward(y, x, 0, n);
  }

  protected gradient(dx: Pointer, x: Pointer, dy: Pointer, n: number): void {
    extra().${stem}Backward(dx, x, dy, 0, n);
  }
}
`;

const reference = `export const ${stem}: Activation = {
  f: (x) => x, // …
  slope: () => 1, // …
};

`;

/** Text that is put in front of a place in a file. */
const INSERTIONS: [file: string, before: string, text: string][] = [
  [
    'assembly/extra.ts',
    'export { preluBackward',
    `export { ${stem}Backward, ${stem}Forward } from './activation/${stem}';\n`,
  ],
  ['src/index.ts', 'export { PReLU', `export { ${name} } from './layers/activation/${stem}.ts';\n`],
  ['test/reference/activation.ts', '/**\n * The activations without parameters.', reference],
  ['test/reference/activation.ts', '};\n\n/** PReLU of x', `  ${stem},\n`],
  ['test/goldens/activation.py', '}\ncases = [', `    "${stem}": F.${stem},\n`],
  ['README.md', '`Softmax`', `\`${name}\`, `],
];

const edited = new Map<string, string>();
for (const [file, before, text] of INSERTIONS) {
  const content = edited.get(file) ?? readFileSync(file, 'utf8');
  const at = content.indexOf(before);
  if (at < 0) throw new Error(`new: ${file} has no line ${JSON.stringify(before)} any more`);
  edited.set(file, content.slice(0, at) + text + content.slice(at));
}
const made: [string, string][] = [
  [`assembly/activation/${stem}.ts`, kernel],
  [`src/layers/activation/${stem}.ts`, layer],
];
const taken = made.find(([file]) => existsSync(file));
if (taken) throw new Error(`new: ${taken[0]} exists`);
for (const [file, content] of [...made, ...edited]) {
  writeFileSync(file, content);
  console.log(file);
}
console.log(`
Write the equations where a … is: kernel, layer, reference. As it stands the gradient is computed from x; if
it can be computed from y, the layer need not keep x: change it in all three. Add the op's kinks to EDGES in
test/goldens/activation.py. Then
  npm run format
  npm run try -- ${stem}
  /usr/bin/python3 test/goldens/activation.py      (Debian's python3-torch)
  npm run evidence && npm test
and add a line at the top of "Added" in CHANGELOG.md.`);
