/**
 * What a visitor can choose. The page's controls, the address and the Workers all read this list.
 */

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export const DATA = [
  { value: 'fashion', label: 'Fashion-MNIST' },
  { value: 'spiral', label: 'Spiral' },
  { value: 'circles', label: 'Circles' },
  { value: 'xor', label: 'XOR' },
  { value: 'gaussians', label: 'Gaussians' },
] as const;

export const NORMS = [
  { value: 'batch', label: 'batch norm' },
  { value: 'none', label: 'no normalization' },
  { value: 'layer', label: 'layer norm' },
  { value: 'group', label: 'group norm' },
  { value: 'ghost', label: 'ghost batch norm' },
  { value: 'renorm', label: 'batch renorm' },
] as const;

export const ACTIVATIONS = [
  { value: 'sigmoid', label: 'sigmoid' },
  { value: 'tanh', label: 'tanh' },
  { value: 'relu', label: 'ReLU' },
] as const;

export const OPTIMIZERS = [
  { value: 'sgd', label: 'SGD' },
  { value: 'momentum', label: 'SGD + momentum' },
  { value: 'adam', label: 'Adam' },
] as const;

export const PLACEMENTS = [
  { value: 'before', label: 'before activation' },
  { value: 'after', label: 'after activation' },
] as const;

/** Steps a second, at most. */
export const SPEEDS = [
  { value: '5', label: '5 steps/s' },
  { value: '30', label: '30 steps/s' },
  { value: '100', label: '100 steps/s' },
  { value: 'full', label: 'as fast as it can' },
] as const;

const RATES = ['0.0001', '0.0003', '0.001', '0.003', '0.01', '0.03', '0.1', '0.3', '1', '3'];

/** The choices of each setting, in the order of the controls. The numbers stand as texts. */
export const CHOICES = {
  data: DATA,
  a: NORMS,
  b: NORMS,
  placement: PLACEMENTS,
  activation: ACTIVATIONS,
  depth: plain('1', '2', '3', '4', '5', '6', '8', '10'),
  width: plain('4', '8', '16', '32', '64', '100', '200'),
  scale: ['0.1', '0.3', '1', '3', '10'].map((value) => ({ value, label: `× ${value}` })),
  optimizer: OPTIMIZERS,
  lr: plain(...RATES),
  batch: plain('2', '4', '8', '16', '32', '64', '100', '256', '512'),
  seed: plain('1', '2', '3', '4', '5'),
  speed: SPEEDS,
} as const satisfies Record<string, readonly Choice[]>;

export type Setting = keyof typeof CHOICES;
type Values<S extends Setting> = (typeof CHOICES)[S][number]['value'];

export type Settings = { readonly [S in Setting]: Values<S> };
export type Norm = Settings['a'];

/** Five sigmoid layers: the network in which the effect is seen at once. */
export const DEFAULTS: Settings = {
  data: 'fashion',
  a: 'batch',
  b: 'none',
  placement: 'before',
  activation: 'sigmoid',
  depth: '5',
  width: '100',
  scale: '1',
  optimizer: 'sgd',
  lr: '0.1',
  batch: '100',
  seed: '1',
  speed: '100',
};

export const SETTINGS = Object.keys(CHOICES) as Setting[];

/** All settings as the part of an address after '#'. */
export function toHash(settings: Settings): string {
  return new URLSearchParams(SETTINGS.map((name) => [name, settings[name]])).toString();
}

/** The settings in an address; what is missing or unknown there is as by default. */
export function fromHash(hash: string): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const entries = SETTINGS.map((name) => {
    const value = given.get(name);
    const known = CHOICES[name].some((choice) => choice.value === value);
    return [name, known ? value : DEFAULTS[name]];
  });
  return Object.fromEntries(entries) as Settings;
}

export function labelOf(setting: Setting, { [setting]: value }: Settings): string {
  return CHOICES[setting].find((choice) => choice.value === value)!.label;
}

/** The name of network a or b. */
export function networkName(settings: Settings, which: 'a' | 'b'): string {
  const label = labelOf(which, settings);
  return settings[which] === 'none' ? 'Without normalization' : `With ${label}`;
}

export function isToy({ data }: Pick<Settings, 'data'>): boolean {
  return data !== 'fashion';
}

function plain(...values: string[]): Choice[] {
  return values.map((value) => ({ value, label: value }));
}
