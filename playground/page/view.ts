/** All that shows one pair of runs: texts, charts and pictures. A change of settings makes a new one. */
import { Canyons } from '../charts/canyons.ts';
import { Histogram, Units } from '../charts/layer.ts';
import { Bands, Curves, Gradients, type Side } from '../charts/live.ts';
import { drawPlane } from '../charts/plane.ts';
import type { Canyon, Report, Which } from '../protocol.ts';
import { isToy, networkName, type Settings } from '../settings.ts';
import { type Toy, toyTest } from '../worker/toys.ts';
import { diagnosis } from './diagnosis.ts';
import { byId, make, marked, write } from './dom.ts';
import { paint } from './painter.ts';
import { BOTH } from './twins.ts';

interface Disposable {
  dispose(): void;
}

/** What the visitor looks at; it outlives a run. */
export interface Looking {
  side: Side;
  /** The layer that is shown in detail, from 0. */
  layer: number;
}

export class View {
  private readonly curves: Curves[];
  private readonly bands: Record<Which, Bands[]> = { a: [], b: [] };
  private readonly gradients: Gradients;
  private readonly histogram: Histogram;
  private readonly units: Partial<Record<Which, Units>> = {};
  private readonly canyons: Canyons;
  private readonly disposables: Disposable[] = [];
  private readonly last: Partial<Record<Which, Report>> = {};
  private readonly names: Record<Which, string>;

  constructor(
    private readonly settings: Settings,
    private readonly looking: Looking,
  ) {
    this.names = { a: networkName(settings, 'a'), b: networkName(settings, 'b') };
    this.writeTexts();
    this.curves = [
      new Curves(byId('accuracy'), 'Accuracy over steps', ({ accuracy }) => accuracy, {
        fraction: true,
      }),
      new Curves(byId('loss'), 'Loss over steps', ({ loss }) => loss, {}),
    ];
    this.buildLayers();
    this.gradients = new Gradients(byId('gradients'), Number(settings.depth));
    this.histogram = new Histogram(byId('histogram'), 'Histogram');
    this.buildUnits();
    const canvases = {
      a: byId<HTMLCanvasElement>('canyon-a'),
      b: byId<HTMLCanvasElement>('canyon-b'),
    };
    this.canyons = new Canyons(canvases, byId('slice'), this.names);
    this.disposables.push(...this.curves, ...this.bands.a, ...this.bands.b, this.gradients);
    this.disposables.push(this.histogram, ...Object.values(this.units), this.canyons);
  }

  report(which: Which, report: Report): void {
    this.last[which] = report;
    const { test, imagesPerSecond, layers, step, plane } = report;
    paint(`texts ${which}`, () => {
      write(marked('accuracy', which), `${(100 * test.accuracy).toFixed(1)} %`);
      write(marked('loss', which), Number.isFinite(test.loss) ? test.loss.toFixed(3) : '–');
      write(marked('speed', which), imagesPerSecond > 0 ? rounded(imagesPerSecond) : '–');
      write(marked('diagnosis', which), diagnosis(report, this.settings));
      const steps = BOTH.map((each) => this.last[each]).map((r) =>
        r && !r.failed ? r.step : Infinity,
      );
      write([byId('steps')], Math.min(step, ...steps).toLocaleString('en'));
    });
    for (const curve of this.curves) curve.add(which, report);
    for (const [i, layer] of layers.entries()) this.bands[which][i]!.add(step, layer);
    this.gradients.add(which, report);
    this.showLayer();
    if (plane) {
      const points = toyTest(this.settings.data as Toy);
      drawPlane(byId<HTMLCanvasElement>(`plane-${which}`), plane, points);
    }
  }

  canyon(which: Which, canyon: Canyon): void {
    this.canyons.set(which, canyon);
  }

  /** Shows what the visitor looks at now. */
  look(): void {
    for (const which of BOTH) for (const bands of this.bands[which]) bands.show();
    this.showLayer();
  }

  /** Draws the planes again, in new colours. */
  redraw(): void {
    for (const which of BOTH) {
      const plane = this.last[which]?.plane;
      if (!plane) continue;
      const points = toyTest(this.settings.data as Toy);
      drawPlane(byId<HTMLCanvasElement>(`plane-${which}`), plane, points);
    }
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private writeTexts(): void {
    const { settings } = this;
    for (const which of BOTH) {
      write(marked('name', which), this.names[which]);
      for (const what of ['accuracy', 'loss', 'speed']) write(marked(what, which), '–');
      write(marked('diagnosis', which), 'Loading …');
      const says = `${this.names[which]}: the class of each place`;
      byId(`plane-${which}`).setAttribute('aria-label', says);
    }
    write([byId('steps')], '0');
    byId('plane-section').hidden = !isToy(settings);
    byId('pad-section').hidden = isToy(settings);
    const what = isToy(settings) ? 'points' : 'images';
    write([byId('lead-what')], what);
  }

  private buildLayers(): void {
    const cells = Array.from({ length: Number(this.settings.depth) }, (_, i) => {
      const hosts = { a: make('div', 'chart band'), b: make('div', 'chart band') };
      for (const which of BOTH) {
        const label = `Layer ${i + 1}, ${this.names[which]}: percentiles over steps`;
        const range = (): [number, number] => this.bandRange(i);
        this.bands[which].push(
          new Bands(hosts[which], which, label, () => this.looking.side, range),
        );
      }
      return make('div', 'layer', make('h3', '', `Layer ${i + 1}`), hosts.a, hosts.b);
    });
    byId('layers').replaceChildren(...cells);
  }

  /** Both networks have one range, so that they can be compared. */
  private bandRange(i: number): [number, number] {
    const { activation } = this.settings;
    if (this.looking.side === 'after' && this.settings.placement === 'before') {
      if (activation === 'sigmoid') return [0, 1];
      if (activation === 'tanh') return [-1, 1];
    }
    const extents = BOTH.map((which) => this.bands[which][i]?.extent ?? [0, 1]);
    const low = Math.min(...extents.map(([from]) => from));
    const high = Math.max(...extents.map(([, to]) => to));
    const margin = (high - low || 1) * 0.05;
    return Number.isFinite(low + high) ? [low - margin, high + margin] : [0, 1];
  }

  private buildUnits(): void {
    const { settings } = this;
    const groups = BOTH.filter((which) => settings[which] !== 'none').map((which) => {
      const batchwise = ['batch', 'ghost', 'renorm'].includes(settings[which]);
      const titles = [
        'γ (filled) and β (open)',
        'mean: running, and of the batch (dots)',
        'sd: running, and of the batch (dots)',
      ];
      const hosts = titles.slice(0, batchwise ? 3 : 1).map(() => make('div', 'chart unit'));
      this.units[which] = new Units(which, this.names[which], hosts);
      const key = make('span', 'key');
      key.setAttribute('aria-hidden', 'true');
      const heading = make('h3', '', key, this.names[which]);
      const figures = hosts.map((host, i) =>
        make('figure', '', host, make('figcaption', '', titles[i]!)),
      );
      const group = make('div', 'unit-group', heading, make('div', 'unit-charts', ...figures));
      group.dataset.which = which;
      return group;
    });
    byId('units').replaceChildren(...groups);
    const note =
      groups.length > 0
        ? 'Units stand in the order of the first value. Running statistics are what the network uses after training: they follow the batch’s with a delay.'
        : 'Neither network has a normalization: choose one in the settings.';
    write([byId('unit-note')], note);
    const select = byId<HTMLSelectElement>('layer');
    const depth = Number(settings.depth);
    this.looking.layer = Math.min(this.looking.layer, depth - 1);
    select.replaceChildren(
      ...Array.from({ length: depth }, (_, i) => new Option(String(i + 1), String(i))),
    );
    select.value = String(this.looking.layer);
  }

  private showLayer(): void {
    const { layer, side } = this.looking;
    for (const element of document.querySelectorAll<HTMLElement>('.chosen')) {
      write([element], String(layer + 1));
    }
    const { a, b } = this.last;
    const of = (report?: Report) => report?.layers[layer]?.[side];
    this.histogram.set({ ...(a && { a: of(a)! }), ...(b && { b: of(b)! }) });
    for (const which of BOTH) {
      const seen = this.last[which]?.layers[layer];
      if (seen) this.units[which]?.set(seen);
    }
  }
}

/** Two digits that matter: 48,300 as '48,000'. */
function rounded(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en');
}
