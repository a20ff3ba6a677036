/** What the playground must do in every browser. */
import assert from 'node:assert/strict';
import { type Browser, until } from './browser.ts';
import type { Chromium } from './chromium.ts';

export interface Check {
  title: string;
  /** The settings in the address. */
  hash?: string;
  run(browser: Browser, axe: string): Promise<void>;
}

const LONGEST_TASK = 50;

/** @param traced whether the browser is Chromium, whose tasks are traced and which reports layout shifts */
export function checks(traced: boolean): Check[] {
  const all = [trainsImages, learnsWithBoth, transport, keyboard, address, drawing, weights, looks];
  return traced ? [...all, calm] : all;
}

const accuracy = async (browser: Browser, which: 'a' | 'b'): Promise<number> =>
  Number.parseFloat(await text(browser, `[data-accuracy="${which}"]`));
const steps = async (browser: Browser): Promise<number> =>
  Number((await text(browser, '#steps')).replaceAll(',', ''));
const text = (browser: Browser, selector: string): Promise<string> =>
  browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);
const reached = (browser: Browser, count: number): Promise<void> =>
  until(browser, `${STEPS} >= ${count}`, `${count} steps`, 180);
const STEPS = `Number(document.querySelector('#steps').textContent.replaceAll(',', ''))`;

const trainsImages: Check = {
  title: 'with the first settings, the network with batch norm learns and the other falls behind',
  async run(browser) {
    assert.equal(await steps(browser), 0);
    assert.ok((await accuracy(browser, 'a')) < 25, 'it begins untrained');
    await browser.click('#train');
    await reached(browser, 100);
    const [a, b] = [await accuracy(browser, 'a'), await accuracy(browser, 'b')];
    assert.ok(a > 60, `expected more than 60 % with batch norm, got ${a}`);
    assert.ok(b < 40, `expected less than 40 % without, got ${b}`);
    assert.match(await text(browser, '[data-diagnosis="b"]'), /gradient/i);
    assert.match(await text(browser, '[data-speed="a"]'), /^[\d,]+$/);
    const drawn = await browser.evaluate<number>(
      `document.querySelectorAll('.uplot canvas').length`,
    );
    assert.ok(drawn >= 18, `expected 18 charts or more, got ${drawn}`);
  },
};

const learnsWithBoth: Check = {
  title: 'both accuracies rise where both networks can learn',
  hash: '#data=gaussians&activation=relu&depth=2&width=16&a=batch&b=layer&lr=0.1',
  async run(browser) {
    const before = [await accuracy(browser, 'a'), await accuracy(browser, 'b')];
    await browser.click('#train');
    await reached(browser, 60);
    const after = [await accuracy(browser, 'a'), await accuracy(browser, 'b')];
    for (const i of [0, 1]) {
      assert.ok(after[i]! > before[i]! + 10 && after[i]! > 80, `${before[i]} % → ${after[i]} %`);
    }
    const colours = await browser.evaluate<number[]>(`['a', 'b'].map((which) => {
      const canvas = document.querySelector('#plane-' + which);
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    })`);
    assert.ok(Math.min(...colours) > 20, `expected planes of many colours, got ${colours}`);
  },
};

const transport: Check = {
  title: 'pause, step and reset',
  hash: '#data=circles&width=8&depth=2&speed=30',
  async run(browser) {
    await browser.click('#step');
    await until(browser, `${STEPS} === 1`, 'one step');
    await browser.click('#step');
    await until(browser, `${STEPS} === 2`, 'two steps');
    await browser.click('#train');
    assert.equal(await text(browser, '#train-text'), 'Pause');
    await reached(browser, 10);
    await browser.click('#train');
    assert.equal(await text(browser, '#train-text'), 'Train');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const paused = await steps(browser);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(await steps(browser), paused);
    await browser.click('#reset');
    await until(browser, `${STEPS} === 0`, 'no steps');
    await until(
      browser,
      `document.querySelector('[data-accuracy="a"]').textContent.includes('%')`,
      'a new network',
    );
  },
};

const keyboard: Check = {
  title: 'the keyboard alone chooses a setting and trains',
  hash: '#data=xor&width=8&depth=2',
  async run(browser) {
    await focusByTab(browser, 'train');
    await browser.press('Enter');
    await reached(browser, 5);
    await browser.press(' ');
    assert.equal(await text(browser, '#train-text'), 'Train');
    await focusByTab(browser, 'step');
    await focusByTab(browser, 'reset');
    assert.ok(
      await browser.evaluate(`getComputedStyle(document.activeElement).outlineStyle !== 'none'`),
      'the focus can be seen',
    );
    assert.ok(
      await browser.evaluate(`[...document.querySelectorAll('#controls select')].every((select) => {
        select.focus(); return document.activeElement === select && select.labels.length === 1; })`),
      'every setting can have the focus and has a label',
    );
  },
};

async function focusByTab(browser: Browser, id: string): Promise<void> {
  for (let i = 0; i < 30; i++) {
    if ((await browser.evaluate('document.activeElement.id')) === id) return;
    await browser.press('Tab');
  }
  throw new Error(`expected '${id}' to get the focus by Tab within 30 presses`);
}

const address: Check = {
  title: 'the address holds the settings, and restores them',
  hash: '#data=circles&a=renorm&b=ghost&placement=after&depth=3&width=32&lr=0.3&seed=2&batch=nonsense',
  async run(browser) {
    const values = `Object.fromEntries(new FormData(document.querySelector('#controls')))`;
    const restored = await browser.evaluate<Record<string, string>>(values);
    const given = { data: 'circles', a: 'renorm', b: 'ghost', placement: 'after', depth: '3' };
    assert.deepEqual({ ...restored, ...given, width: '32', lr: '0.3', seed: '2' }, restored);
    assert.equal(restored.batch, '100', 'a value that is not known is as by default');
    assert.equal(await text(browser, 'h2 [data-name="a"]'), 'With batch renorm');
    await browser.evaluate(`(() => {
      const select = document.querySelector('[name="activation"]');
      select.value = 'tanh';
      select.dispatchEvent(new Event('change', { bubbles: true }));
    })()`);
    const hash = await browser.evaluate<string>('location.hash');
    assert.match(hash, /activation=tanh/);
    await browser.evaluate(
      `void (location.hash = ${JSON.stringify(hash.replace('tanh', 'relu'))})`,
    );
    await until(browser, `document.querySelector('[name="activation"]').value === 'relu'`, 'ReLU');
    await until(
      browser,
      `document.querySelector('[data-accuracy="b"]').textContent.includes('%')`,
      'new networks',
    );
  },
};

const drawing: Check = {
  title: 'a drawing is classified by both networks',
  async run(browser) {
    const first = `document.querySelector('#answer-a').textContent`;
    await until(browser, `${first}.includes('%')`, 'an answer about a test image');
    await browser.click('#train');
    await reached(browser, 60);
    await browser.click('#train');
    await browser.click('#pad-clear');
    await browser.evaluate(`(() => {
      const pad = document.querySelector('#pad');
      const { left, top, width, height } = pad.getBoundingClientRect();
      pad.setPointerCapture = () => {}; // there is no such pointer
      const at = (type, x, y) => pad.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, clientX: left + x * width, clientY: top + y * height, bubbles: true }));
      for (const x of [0.36, 0.41, 0.59, 0.64]) { // two legs
        at('pointerdown', x, 0.1);
        for (let y = 0.1; y <= 0.9; y += 0.1) at('pointermove', x, y);
        at('pointerup', x, 0.9);
      }
      at('pointerdown', 0.36, 0.1);
      at('pointermove', 0.64, 0.1);
      at('pointerup', 0.64, 0.1);
    })()`);
    await until(
      browser,
      `/drawing/.test(document.querySelector('#pad-truth').textContent)`,
      'a drawing',
    );
    await until(browser, `${first}.startsWith('trouser')`, 'trousers to be seen as such', 20);
    assert.match(await text(browser, '#answer-b'), /%/);
  },
};

const weights: Check = {
  title: 'weights are downloaded as safetensors, and the loss around them is measured',
  hash: '#data=xor&width=8&depth=2',
  async run(browser) {
    await browser.evaluate(`(() => {
      const create = URL.createObjectURL;
      URL.createObjectURL = (blob) => { window.saved = blob; return create.call(URL, blob); };
      HTMLAnchorElement.prototype.click = function () { window.savedAs = this.download; };
    })()`);
    await browser.click('[data-download="a"]');
    await until(browser, 'window.saved && window.savedAs', 'a download');
    const header = await browser.evaluate<string>(`saved.arrayBuffer().then((buffer) => {
      const length = Number(new DataView(buffer).getBigUint64(0, true));
      return new TextDecoder().decode(new Uint8Array(buffer, 8, length)); })`);
    const tensors = JSON.parse(header);
    assert.deepEqual(tensors['linear1.weight'].shape, [8, 2]);
    assert.deepEqual(tensors['norm2.running_var'].shape, [8]);
    assert.equal(await browser.evaluate('savedAs'), 'evenkeel-xor-batch.safetensors');
    await browser.click('#canyon-now');
    for (const which of ['a', 'b']) {
      const label = `document.querySelector('#canyon-${which}').getAttribute('aria-label')`;
      await until(browser, `${label}.includes('around the weights of step 0')`, 'a canyon');
    }
  },
};

const looks: Check = {
  title: 'axe finds nothing, before and after training',
  async run(browser, axe) {
    await browser.evaluate(`${axe}; void 0`);
    await clean(browser);
    await browser.click('#train');
    await reached(browser, 20);
    await browser.click('#train');
    await clean(browser);
  },
};

async function clean(browser: Browser): Promise<void> {
  const found = await browser.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`);
  assert.deepEqual(found, []);
}

/**
 * A task's time is the processor's: on a busy machine the clock also counts what other programs do meanwhile.
 * Tasks of the page do not wait for anything, so on an idle machine the two are the same.
 */
const calm: Check = {
  title: `no task of the page takes ${LONGEST_TASK} ms, when it loads and while it trains; nothing moves`,
  async run(browser) {
    const { cpu, wall } = await (browser as Chromium).longestTask(async () => {
      await browser.evaluate('void location.reload()');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await until(browser, `window.recorded && ${STEPS} === 0`, 'a page');
      await browser.click('#train');
      await reached(browser, 150);
    });
    console.log(
      `  longest task: ${cpu.toFixed(1)} ms of the processor, ${wall.toFixed(1)} by the clock`,
    );
    assert.ok(cpu > 1, 'expected tasks to take time');
    assert.ok(cpu < LONGEST_TASK, `expected less than ${LONGEST_TASK} ms, got ${cpu}`);
    const shift = await browser.evaluate<number>('recorded.shift');
    assert.ok(shift < 0.01, `expected a layout shift below 0.01, got ${shift}`);
  },
};
