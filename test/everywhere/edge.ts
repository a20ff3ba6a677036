/** The edge functions' runtime: a realm without Node's names, in this Node. */
import { readFileSync } from 'node:fs';
import { importPackaged, packaged } from './install.ts';
import { opened, PATIENCE, type Reply, type Runtime, type Session, within } from './runtime.ts';

export const edge: Runtime = {
  name: 'edge-runtime',
  relaxed: Number.parseInt(process.versions.node, 10) >= 22 ? 'fused' : undefined,
  async open(program): Promise<Session> {
    const code = readFileSync(await program.file('script', 'script'), 'utf8');
    const { EdgeVM } = await importPackaged('@edge-runtime/vm');
    const vm = new EdgeVM();
    vm.evaluate(code);
    const { version } = JSON.parse(readFileSync(packaged('@edge-runtime/vm/package.json'), 'utf8'));
    return {
      version,
      async ask(request) {
        const call = `reply(${JSON.stringify(request)}).then(JSON.stringify)`;
        const text = await within(PATIENCE, 'edge-runtime', vm.evaluate(call) as Promise<string>);
        return opened(JSON.parse(text) as Reply);
      },
      close: () => {},
    };
  },
};
