/** WebKitGTK, driven by Debian's WebKitWebDriver. */
import { type AddressInfo, createServer } from 'node:net';
import { debian } from '../everywhere/install.ts';
import { type Browser, Process } from './browser.ts';
import { webDriver } from './webdriver.ts';

const ARCHITECTURE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

export async function webkit(): Promise<Browser> {
  const packages = ['webkit2gtk-driver', 'xvfb', 'xauth'];
  const driver = debian(['/usr/bin/WebKitWebDriver'], ...packages);
  const binary = debian(
    [`/usr/lib/${ARCHITECTURE}-linux-gnu/webkit2gtk-4.1/MiniBrowser`],
    ...packages,
  );
  const program = new Process();
  const port = await freePort();
  const screen = ['-a', '-s', '-screen 0 1400x1100x24'];
  program.start(['xvfb-run', ...screen, driver, `--port=${port}`]);
  const root = `http://127.0.0.1:${port}`;
  try {
    await listening(root);
    const capabilities = {
      alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } },
    };
    const { sessionId } = (await post(`${root}/session`, { capabilities })) as {
      sessionId: string;
    };
    const session = `${root}/session/${sessionId}`;
    await post(`${session}/window/rect`, { width: 1300, height: 1000 });
    return webDriver(
      'WebKitGTK',
      (command, parameters) =>
        command === 'screenshot'
          ? ask(`${session}/screenshot`, { method: 'GET' })
          : post(`${session}/${PATHS[command]}`, parameters),
      async () => {
        await ask(session, { method: 'DELETE' }).catch(() => {});
        await program.close();
      },
    );
  } catch (error) {
    await program.close();
    throw error;
  }
}

const PATHS = { open: 'url', script: 'execute/async', actions: 'actions' } as const;

function post(url: string, body: object): Promise<unknown> {
  return ask(url, { method: 'POST', body: JSON.stringify(body) });
}

async function ask(url: string, request: RequestInit): Promise<unknown> {
  const response = await fetch(url, request);
  const { value } = (await response.json()) as { value: { error?: string; message?: string } };
  if (!response.ok) throw new Error(`WebKitGTK: ${value.error}: ${value.message}`);
  return value;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(root: string): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      await fetch(`${root}/status`);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
