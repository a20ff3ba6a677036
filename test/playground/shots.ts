import { writeFileSync } from 'node:fs';
import { until } from './browser.ts';
import { chromium } from './chromium.ts';
import { serveSite } from './site.ts';

const site = await serveSite();
const wait = (ms: number) => new Promise((r) => setTimeout(r, ms));
for (const [name, view, hash, steps] of JSON.parse(process.argv[2]!)) {
  const b = await chromium(view);
  try {
    await b.open(site.url + hash);
    await until(
      b,
      `[...document.querySelectorAll('[data-accuracy]')].every(e=>e.textContent.includes('%'))`,
      'first',
    );
    if (view.h) await b.evaluate(`scrollTo(0,${view.h})`);
    const load = await b.evaluate(`recorded.longest`);
    await b.evaluate('recorded.longest = 0');
    if (steps) {
      await b.click('#train');
      await until(
        b,
        `Number(document.querySelector('#steps').textContent.replace(',','')) >= ${steps}`,
        'steps',
        120,
      );
      await b.evaluate(`document.querySelector('#canyon-now').click()`);
      await until(
        b,
        `document.querySelector('#canyon-b').ariaLabel.includes('to')&&!document.querySelector('#canyon-b').ariaLabel.includes('not')`,
        'canyon',
      ).catch(console.log);
    }
    console.log(
      name,
      load,
      JSON.stringify(await b.evaluate('recorded')),
      await b.evaluate(
        `[document.documentElement.scrollHeight, document.documentElement.scrollWidth].join()`,
      ),
      await b.evaluate(
        `[...document.querySelectorAll('[data-diagnosis],[data-speed],[data-accuracy],#steps')].map(e=>e.textContent).join(' | ')`,
      ),
    );
    console.log(
      await b.evaluate(
        `(()=>{const m={};for(const [t,k] of window.__w||[]) (m[k]??=[]).push(t);return Object.entries(m).map(([k,v])=>{v.sort((a,b)=>a-b);return k+' n'+v.length+' med '+v[v.length>>1].toFixed(1)+' p90 '+v[Math.floor(v.length*.9)].toFixed(1)+' max '+v.at(-1).toFixed(1)}).join('\\n')})()`,
      ),
    );
    if (view.h) await b.evaluate(`scrollTo(0,${view.h})`);
    else await b.evaluate('scrollTo(0,0)');
    await wait(300);
    writeFileSync(`/tmp/play/${name}.png`, await b.screenshot());
  } finally {
    await b.close();
  }
}
site.close();
