/** The example networks' training as a user runs it, on few images. Needs a build: it imports the package. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function start(...args: string[]) {
  const path = `${root}node_modules/.bin/tsx`;
  return promisify(execFile)(path, ['examples/networks/main.ts', ...args], { cwd: root });
}

it.each([
  ['resnet20', '269434'],
  ['mobilenet', '32234'],
])('%s learns from a few images', async (network, parameters) => {
  const few = '--images 200 --epochs 2 --batch 10 --lr 0.03'.split(' ');
  const { stdout } = await start('--network', network, ...few);
  expect(stdout).toContain(`${network}: ${parameters} parameters, 200 images, 2 epochs\n`);
  expect(stdout).toMatch(new RegExp(`${network}: step 40 of 40, loss \\d\\.\\d{4}`));
  const [, accuracy] = stdout.match(/\ntest accuracy (\d+\.\d\d) %\n$/)!;
  expect(Number(accuracy)).toBeGreaterThan(20); // a guess is right in 10 % of cases
});

it('answers a bad option with one clear line', async () => {
  await expect(start('--network', 'vgg')).rejects.toThrow(
    'Allowed choices are resnet20, mobilenet.',
  );
  await expect(start('--epochs', '0')).rejects.toThrow('Expected a whole number of 1 or more.');
});
