/** The playground: the page that starts two networks and shows them train. */
import { Controls } from './page/controls.ts';
import { byId, marked, write } from './page/dom.ts';
import { CLOTHES, Pad, showAnswer } from './page/pad.ts';
import { paint } from './page/painter.ts';
import { onTheme } from './page/theme.ts';
import { BOTH, Twins } from './page/twins.ts';
import { type Looking, View } from './page/view.ts';
import type { Answer, Report, Which } from './protocol.ts';
import { isToy, type Settings, toHash } from './settings.ts';

/** Milliseconds between two looks at the canyon, and at the drawing. */
const CANYON_INTERVAL = 4000;
const DRAWING_INTERVAL = 400;

class Playground {
  private readonly looking: Looking = { side: 'before', layer: 0 };
  private readonly controls = new Controls(() => this.restart());
  private readonly pad = new Pad(byId<HTMLCanvasElement>('pad'), () => this.drawn());
  private view!: View;
  private twins!: Twins;
  private sample = 0;
  private canyonVisible = false;
  private readonly canyonAt: Record<Which, number> = { a: 0, b: 0 };
  private readonly drawingAt: Record<Which, number> = { a: 0, b: 0 };

  constructor() {
    this.listen();
    this.begin();
  }

  private get settings(): Settings {
    return this.controls.settings;
  }

  private begin(): void {
    write([byId('error')], '');
    byId('error').hidden = true;
    this.view = new View(this.settings, this.looking);
    this.twins = new Twins(this.settings, {
      report: (which, report) => this.report(which, report),
      answer: (which, answer) => this.answer(which, answer),
      failure: (which, error) => this.fail(which, error),
    });
    for (const which of BOTH) this.canyonAt[which] = this.drawingAt[which] = 0;
    if (!isToy(this.settings)) this.twins.ask({ kind: 'sample', index: this.sample }, ['a']);
    this.showTransport();
  }

  /** Begins again, with the present settings; a pair that was training goes on at once. */
  private restart(run = this.twins.running): void {
    this.twins.close();
    this.view.dispose();
    this.begin();
    if (run) this.twins.go();
    this.showTransport();
  }

  private report(which: Which, report: Report): void {
    this.view.report(which, report);
    const now = performance.now();
    if (this.canyonVisible && now - this.canyonAt[which] > CANYON_INTERVAL) {
      this.canyonAt[which] = now;
      this.twins.ask({ kind: 'canyon' }, [which]);
    }
    if (!isToy(this.settings) && now - this.drawingAt[which] > DRAWING_INTERVAL) {
      this.drawingAt[which] = now;
      paint(`classify ${which}`, () => this.classify([which]));
    }
  }

  private answer(which: Which, answer: Answer): void {
    if (answer.kind === 'canyon') {
      this.view.canyon(which, answer);
    } else if (answer.kind === 'classify') {
      paint(`answer ${which}`, () => showAnswer(byId(`answer-${which}`), answer.probabilities));
    } else {
      this.pad.show(answer.pixels);
      write([byId('pad-truth')], `In truth: ${CLOTHES[answer.label]}`);
      this.classify(BOTH);
    }
  }

  private fail(which: Which, error: Error): void {
    console.error(error);
    this.twins.pause();
    this.showTransport();
    write([byId('error')], `Network ${which === 'a' ? 'one' : 'two'} stopped: ${error.message}`);
    byId('error').hidden = false;
  }

  private drawn(): void {
    write([byId('pad-truth')], 'Your drawing, centred and scaled');
    paint('drawing', () => this.classify(BOTH));
  }

  private classify(which: readonly Which[]): void {
    this.twins.ask({ kind: 'classify', pixels: this.pad.pixels }, which);
  }

  private showTransport(): void {
    const { running } = this.twins;
    write([byId('train-text')], running ? 'Pause' : 'Train');
    byId('train').dataset.running = String(running);
  }

  private listen(): void {
    byId('train').addEventListener('click', () => {
      if (this.twins.running) this.twins.pause();
      else this.twins.go();
      this.showTransport();
    });
    byId('step').addEventListener('click', () => {
      this.twins.stepOnce();
      this.showTransport();
    });
    byId('reset').addEventListener('click', () => this.restart(false));
    byId('copy-link').addEventListener('click', () => void this.copyLink());
    byId('pad-clear').addEventListener('click', () => {
      this.pad.clear();
      write([byId('pad-truth')], 'Draw here');
    });
    byId('pad-sample').addEventListener('click', () => {
      this.sample = (this.sample + 7) % 1000;
      this.twins.ask({ kind: 'sample', index: this.sample }, ['a']);
    });
    byId('side').addEventListener('change', (event) => {
      this.looking.side = (event.target as HTMLInputElement).value as Looking['side'];
      this.view.look();
    });
    byId('layer').addEventListener('change', (event) => {
      this.looking.layer = Number((event.target as HTMLSelectElement).value);
      this.view.look();
    });
    byId('canyon-now').addEventListener('click', () => this.twins.ask({ kind: 'canyon' }));
    for (const which of BOTH) {
      for (const button of marked('download', which)) {
        button.addEventListener('click', () => void this.download(which));
      }
    }
    new IntersectionObserver(([entry]) => {
      this.canyonVisible = entry!.isIntersecting;
      if (!this.canyonVisible) return;
      for (const which of BOTH) {
        if (this.canyonAt[which] > 0) continue;
        this.canyonAt[which] = performance.now();
        this.twins.ask({ kind: 'canyon' }, [which]);
      }
    }).observe(byId('canyon-a'));
    onTheme(() => this.view.redraw());
  }

  private async copyLink(): Promise<void> {
    const url = `${location.href.replace(/#.*$/, '')}#${toHash(this.settings)}`;
    history.replaceState(null, '', url);
    let text = 'Link copied';
    try {
      await navigator.clipboard.writeText(url);
    } catch {
      text = 'Link is in the address bar';
    }
    write([byId('copied')], text);
    const button = byId('copy-link');
    button.textContent = text;
    setTimeout(() => {
      button.textContent = 'Copy link';
      write([byId('copied')], '');
    }, 2000);
  }

  private async download(which: Which): Promise<void> {
    const bytes = await this.twins.weights(which);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
    link.download = `evenkeel-${this.settings.data}-${this.settings[which]}.safetensors`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

new Playground();
document.querySelector('main')!.removeAttribute('aria-busy');
