/**
 * Writes docs/api: the reference of all public names, one Markdown page a name, from the docstrings in
 * src/; and index.json, from which the site makes its sidebar and its links to names.
 *
 *   tsx scripts/docs/api.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Application, Converter, PageEvent, type ProjectReflection, ReflectionKind } from 'typedoc';
import { cached, mirror } from '../cache.ts';
import { type Entry, type Reference, roomOf } from './reference.ts';
import { fenceEquations, foldInherited, gatherOptions } from './reflections.ts';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

const inputs = ['src', 'package.json', 'tsconfig.json', 'tsconfig.types.json', 'scripts/docs'];
mirror(await cached('api', inputs, generate), 'docs/api');

/** `evenkeel/data` for src/data/index.ts, of all subpaths that have types. */
function entryPoints(): Map<string, string> {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  const points = Object.entries<string | { types?: string }>(exports).flatMap(([path, target]) => {
    if (typeof target === 'string' || !target.types) return [];
    const source = target.types.replace('./dist/types', 'src').replace('.d.ts', '.ts');
    return [[source, `evenkeel${path.slice(1)}`] as const];
  });
  return new Map(points);
}

async function generate(folder: string): Promise<void> {
  const points = entryPoints();
  const app = await Application.bootstrapWithPlugins({
    name: 'API reference',
    entryPoints: [...points.keys()],
    tsconfig: 'tsconfig.types.json',
    plugin: ['typedoc-plugin-markdown'],
    outputs: [{ name: 'markdown', path: folder }],
    readme: 'none',
    logLevel: 'Warn',
    skipErrorChecking: true, // npm run check does it
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    validation: { notExported: false, invalidLink: true, invalidPath: true },
    treatWarningsAsErrors: true,
    // Options of typedoc-plugin-markdown, which TypeDoc's own type does not know.
    ...{
      hidePageHeader: true,
      hideBreadcrumbs: true,
      entryFileName: 'index',
      excludeScopesInPaths: true,
      useCodeBlocks: true,
      parametersFormat: 'table',
      classPropertiesFormat: 'table',
      interfacePropertiesFormat: 'table',
      typeDeclarationFormat: 'table',
      pageTitleTemplates: { module: '{name}', member: '{name}' },
    },
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const [, name] = [...points].find(([source]) => moduleOf(source) === reflection.name) ?? [];
    if (name) reflection.name = name;
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => gatherOptions(project), 10_000);
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => {
      foldInherited(project);
      fenceEquations(project);
    },
    -50, // after TypeDoc has found what is inherited, before it groups the members
  );
  const project = await app.convert();
  if (!project) throw new Error('TypeDoc could not read the sources');
  const pages = new Map<unknown, string>();
  app.renderer.on(PageEvent.END, ({ model, url }) => {
    pages.set(model, url.replace(/\.md$/, ''));
  });
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('TypeDoc has complaints');
  writeFileSync(`${folder}/index.json`, JSON.stringify(reference(project, pages), null, 1));
}

/** What TypeDoc calls the module of src/data/index.ts: data. */
function moduleOf(source: string): string {
  return source.replace(/^src\//, '').replace(/(\/index)?\.ts$/, '');
}

function reference(project: ProjectReflection, pages: Map<unknown, string>): Reference {
  return (project.children ?? []).map((module) => ({
    name: module.name,
    page: pages.get(module)!,
    entries: (module.children ?? [])
      .filter((child) => pages.has(child))
      .map((child): Entry => {
        const source = project.getSymbolIdFromReflection(child)?.fileName ?? '';
        const isType = child.kindOf([ReflectionKind.Interface, ReflectionKind.TypeAlias]);
        return { name: child.name, page: pages.get(child)!, isType, room: roomOf(source) };
      }),
  }));
}
