/** Elements of the page. */

/** @throws Error if the page has no such element */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`playground: the page has no element '${id}'`);
  return element as E;
}

/** All elements that have `data-NAME`, as `data-accuracy="a"`. */
export function marked(name: string, value: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`[data-${name}="${value}"]`)];
}

/** Sets a text, and touches the page only if it changes. */
export function write(elements: readonly HTMLElement[], text: string): void {
  for (const element of elements) if (element.textContent !== text) element.textContent = text;
}

/** An element with a class, texts and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (string | Node)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}
