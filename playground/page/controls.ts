/** The controls: one select for each setting, and the address, which holds the same. */
import { CHOICES, DEFAULTS, fromHash, type Setting, type Settings, toHash } from '../settings.ts';
import { byId, make } from './dom.ts';

const GROUPS: readonly { title: string; settings: Partial<Record<Setting, string>> }[] = [
  {
    title: 'Compare',
    settings: { a: 'First', b: 'Second', placement: 'Placement' },
  },
  { title: 'Data', settings: { data: 'Samples', batch: 'Batch size' } },
  {
    title: 'Network',
    settings: {
      depth: 'Layers',
      width: 'Units',
      activation: 'Activation',
      scale: 'Weights',
    },
  },
  {
    title: 'Training',
    settings: { optimizer: 'Optimizer', lr: 'Learning rate', seed: 'Seed', speed: 'Speed' },
  },
];

/** Ready-made settings. What they do not name is as by default. */
const EXPERIMENTS: readonly { title: string; settings: Partial<Settings> }[] = [
  { title: 'Deep sigmoid', settings: {} },
  { title: 'Spiral', settings: { data: 'spiral', activation: 'tanh', width: '16', lr: '0.3' } },
  { title: 'High learning rate', settings: { activation: 'relu', lr: '1' } },
  { title: 'Bad initial weights', settings: { activation: 'relu', scale: '0.1' } },
  {
    title: 'Batches of 2',
    settings: { a: 'batch', b: 'group', batch: '2', activation: 'relu', lr: '0.01' },
  },
];

/** The form of settings. It tells of each change, whether by hand or by another address. */
export class Controls {
  private readonly selects = new Map<Setting, HTMLSelectElement>();
  private present: Settings = fromHash(location.hash);

  constructor(private readonly changed: (settings: Settings) => void) {
    // Where the settings stand above the results, they are closed at first.
    byId<HTMLDetailsElement>('settings').open = matchMedia('(min-width: 861px)').matches;
    const form = byId('controls');
    for (const { title, settings } of GROUPS) {
      const rows = Object.entries(settings).map(([name, label]) =>
        this.row(name as Setting, label),
      );
      form.append(make('fieldset', '', make('legend', '', title), ...rows));
    }
    const links = EXPERIMENTS.map(({ title, settings }) => {
      const link = make('a', 'chip', title);
      link.href = `#${toHash({ ...DEFAULTS, ...settings })}`;
      return make('li', '', link);
    });
    byId('experiments').append(...links);
    form.addEventListener('submit', (event) => event.preventDefault());
    addEventListener('hashchange', () => this.apply(fromHash(location.hash)));
    this.show();
  }

  get settings(): Settings {
    return this.present;
  }

  private row(name: Setting, label: string): HTMLElement {
    const select = make('select', '');
    select.name = name;
    for (const choice of CHOICES[name]) select.add(new Option(choice.label, choice.value));
    select.addEventListener('change', () => {
      this.apply({ ...this.present, [name]: select.value });
      history.replaceState(null, '', `#${toHash(this.present)}`);
    });
    this.selects.set(name, select);
    return make('label', 'row', make('span', '', label), select);
  }

  private apply(settings: Settings): void {
    if (toHash(settings) === toHash(this.present)) return;
    this.present = settings;
    this.show();
    this.changed(settings);
  }

  private show(): void {
    for (const [name, select] of this.selects) select.value = this.present[name];
  }
}
