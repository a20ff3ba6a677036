/**
 * The playground: a static site.
 *
 *   tsx scripts/playground.ts [--out FOLDER]   writes it, to out/playground unless given
 *   tsx scripts/playground.ts --serve          serves it, and builds it anew at each change
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Command } from 'commander';
import { type BuildOptions, build, context } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCE = `${ROOT}playground`;
const FONT = 'node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2';
/** How many images the page loads, 2.2 MB in all. */
const IMAGES = { train: 5000, test: 1000 };

/** Writes the site into a folder. */
export async function buildPlayground(folder: string): Promise<void> {
  copyStatic(folder);
  await build(options(folder));
}

function options(outdir: string): BuildOptions {
  return {
    entryPoints: {
      main: `${SOURCE}/main.ts`,
      worker: `${SOURCE}/worker/main.ts`,
      style: `${SOURCE}/style.css`,
    },
    external: ['*.woff2'],
    outdir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minifySyntax: true,
    minifyWhitespace: true, // not names: what evenkeel/inspect says has the names of classes
    legalComments: 'none',
    logLevel: 'warning',
  };
}

function copyStatic(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const file of ['index.html', 'icon.svg']) {
    copyFileSync(`${SOURCE}/${file}`, `${folder}/${file}`);
  }
  copyFileSync(`${ROOT}${FONT}`, `${folder}/inter.woff2`);
  for (const [split, stem, count] of [
    ['train', 'train', IMAGES.train],
    ['test', 't10k', IMAGES.test],
  ] as const) {
    writeFileSync(
      `${folder}/fashion-${split}-images.idx.gz`,
      first(count, 784, `${stem}-images-idx3`),
    );
    writeFileSync(
      `${folder}/fashion-${split}-labels.idx.gz`,
      first(count, 1, `${stem}-labels-idx1`),
    );
  }
}

/** The first samples of a file of data/fashion-mnist, as such a file. */
function first(count: number, width: number, name: string): Buffer {
  const all = gunzipSync(readFileSync(`${ROOT}data/fashion-mnist/${name}-ubyte.gz`));
  const header = 4 + 4 * all[3]!;
  const part = Buffer.from(all.subarray(0, header + count * width));
  part.writeUInt32BE(count, 4); // the first axis: how many samples
  return gzipSync(part, { level: 9 });
}

async function serve(folder: string, port: number): Promise<void> {
  copyStatic(folder);
  const builder = await context({
    ...options(folder),
    plugins: [
      {
        name: 'static files',
        setup({ onEnd }) {
          onEnd(() => copyStatic(folder));
        },
      },
    ],
  });
  await builder.watch();
  const { port: served } = await builder.serve({ servedir: folder, port, host: '127.0.0.1' });
  console.log(`The playground: http://127.0.0.1:${served}/ (Ctrl-C ends it)`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = new Command('npm run playground --')
    .option('--out <folder>', 'where the site goes', `${ROOT}out/playground`)
    .option('--serve', 'serve it on this machine')
    .option('--port <number>', 'the port to serve it at', '8080')
    .parse()
    .opts<{ out: string; serve?: boolean; port: string }>();
  if (given.serve) {
    await serve(given.out, Number(given.port));
  } else {
    await buildPlayground(given.out);
    console.log(`The playground is in ${given.out}`);
  }
}
