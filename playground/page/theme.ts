/** The colours of charts and pictures: those of the style sheet, in light and dark. */

const NAMES = ['text', 'muted', 'line', 'surface', 'a', 'b', 'class0', 'class1', 'class2'] as const;
type Name = (typeof NAMES)[number];

let colours: Record<Name, string> | undefined;
const dark = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

dark.addEventListener('change', () => {
  colours = undefined;
  for (const listener of listeners) listener();
});

export function colour(name: Name): string {
  colours ??= read();
  return colours[name];
}

/** `name` with an opacity from 0 to 1. */
export function faint(name: Name, opacity: number): string {
  const hex = Math.round(255 * opacity)
    .toString(16)
    .padStart(2, '0');
  return colour(name) + hex;
}

/** Calls `listener` when the colours have changed. */
export function onTheme(listener: () => void): void {
  listeners.add(listener);
}

export function forgetTheme(listener: () => void): void {
  listeners.delete(listener);
}

function read(): Record<Name, string> {
  const style = getComputedStyle(document.documentElement);
  const entries = NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
  return Object.fromEntries(entries) as Record<Name, string>;
}
