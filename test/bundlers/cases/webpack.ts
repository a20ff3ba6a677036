import { serving, visit } from '../kit/browser.ts';
import type { Case, Places } from '../kit/case.ts';
import { Consumer } from '../kit/consumer.ts';

export const cases: Case[] = ['production', 'development'].map((mode) => ({
  name: `webpack, ${mode}`,
  tool: 'webpack',
  async run() {
    const consumer = await Consumer.make(`webpack-${mode}`);
    await consumer.tool('webpack', '--entry', './page.js', '--mode', mode);
    consumer.write('dist/index.html', '<!doctype html><script defer src="main.js"></script>');
    return serving(consumer.path('dist'), (url) => visit<Places>(url));
  },
}));
