import { writeFileSync } from 'node:fs';
import { until } from './browser.ts';
import { chromium } from './chromium.ts';
import { serveSite } from './site.ts';
const site = await serveSite();
const shots: [string, any, string, number][] = JSON.parse(process.argv[2]!);
for (const [name, view, hash, steps] of shots) {
  const b = await chromium(view);
  try {
    await b.open(site.url + hash);
    await until(b, `document.querySelector('[data-accuracy=a]')?.textContent.includes('%') && document.querySelector('[data-accuracy=b]')?.textContent.includes('%')`, 'first');
    await b.evaluate(`recorded.longest`).then((l) => console.log(name, 'longest load', l));
    await b.evaluate('recorded.longest = 0');
    if (steps) {
    await b.click('#train');
    await until(b, `Number(document.querySelector('#steps').textContent.replace(',','')) >= ${steps}`, 'steps');
    await b.evaluate(`document.querySelector('#canyon-now').click()`);
    await new Promise(r=>setTimeout(r,4000));
    }
    console.log(name, JSON.stringify(await b.evaluate('recorded')), await b.evaluate(`[document.documentElement.scrollHeight, document.documentElement.scrollWidth].join()`), await b.evaluate(`[...document.querySelectorAll('[data-diagnosis],[data-speed],[data-accuracy],#steps')].map(e=>e.textContent).join(' | ')`));
    await b.evaluate('scrollTo(0,0)'); await new Promise(r=>setTimeout(r,300));
    writeFileSync(`/tmp/play/${name}.png`, await b.screenshot());
  } finally { await b.close(); }
}
site.close();
