/** Source maps for debuggers, which then show the TypeScript. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names the sources in a folder's maps by the path `root` to the package, and drops the packed kernels. */
export function finishMaps(folder: string, root: string): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.map'))) {
    const path = join(folder, file);
    const map: { sources: string[]; sourcesContent: string[] } = JSON.parse(
      readFileSync(path, 'utf8'),
    );
    map.sourcesContent = map.sourcesContent.map((content, i) =>
      /generated\/(common|core|extra|inspect|ops|relaxed|spatial|unpacker)\.ts$/.test(
        map.sources[i]!,
      )
        ? '// The packed kernels.\n'
        : content,
    );
    map.sources = map.sources.map((source) =>
      source.replace(/^.*?(src|node_modules)\//, `${root}/$1/`),
    );
    writeFileSync(path, JSON.stringify(map));
  }
}
