/** A browser that takes the commands of the WebDriver standard, whatever carries them. */
import { type Browser, type Key, middleOf } from './browser.ts';

export type Send = (
  command: 'open' | 'script' | 'actions' | 'screenshot',
  parameters: object,
) => Promise<unknown>;

const KEYS: Record<Key, string> = { Tab: '\uE004', Enter: '\uE007', ArrowDown: '\uE015', ' ': ' ' };

export function webDriver(name: string, send: Send, close: () => Promise<void>): Browser {
  // Firefox's answers are wrapped, WebKit's are not.
  const value = (answer: unknown): unknown =>
    (answer as { value?: unknown } | null)?.value !== undefined
      ? (answer as { value: unknown }).value
      : answer;
  const evaluate = async <T>(expression: string): Promise<T> => {
    const script = `
      const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (0, eval)(${JSON.stringify(expression)})).then(
        (value) => done(JSON.stringify({ value: value === undefined ? null : value })),
        (error) => done(JSON.stringify({ error: String(error) })));`;
    const text = value(await send('script', { script, args: [] })) as string;
    const { value: result, error } = JSON.parse(text);
    if (error) throw new Error(`${name}: ${error}`);
    return result as T;
  };
  return {
    name,
    evaluate,
    async open(url) {
      await send('open', { url: 'about:blank' });
      await send('open', { url });
    },
    async click(selector) {
      const { x, y } = await evaluate<{ x: number; y: number }>(middleOf(selector));
      const place = { x: Math.round(x), y: Math.round(y), duration: 0, origin: 'viewport' };
      const actions = [
        { type: 'pointerMove', ...place },
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ];
      const mouse = { type: 'pointer', id: 'mouse', parameters: { pointerType: 'mouse' }, actions };
      await send('actions', { actions: [mouse] });
    },
    async press(key) {
      const actions = ['keyDown', 'keyUp'].map((type) => ({ type, value: KEYS[key] }));
      await send('actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
    },
    async screenshot() {
      return Buffer.from(value(await send('screenshot', {})) as string, 'base64');
    },
    close,
  };
}
