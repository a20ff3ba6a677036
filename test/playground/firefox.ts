/** Debian's Firefox, driven by its Marionette protocol: messages of JSON over TCP, each with its length. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { debian } from '../everywhere/install.ts';
import { type Browser, Calls, Process } from './browser.ts';
import { webDriver } from './webdriver.ts';

/** Port 0: Firefox chooses one, and writes it into its preferences. */
const PREFERENCES = [
  ['marionette.port', 0],
  ['browser.shell.checkDefaultBrowser', false],
  ['browser.startup.homepage_override.mstone', 'ignore'],
  ['datareporting.policy.dataSubmissionEnabled', false],
  ['datareporting.policy.firstRunURL', ''],
  ['app.normandy.enabled', false],
  ['services.settings.server', 'data:,'],
  ['network.captive-portal-service.enabled', false],
  ['network.connectivity-service.enabled', false],
  ['ui.prefersReducedMotion', 1],
] as const;

export async function firefox(): Promise<Browser> {
  const program = new Process();
  const profile = program.folder;
  const lines = PREFERENCES.map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const file = debian(['/usr/bin/firefox-esr', '/usr/bin/firefox'], 'firefox-esr');
  const size = ['--width', '1280', '--height', '900'];
  program.start([file, '--headless', '--marionette', '--no-remote', ...size, '--profile', profile]);
  try {
    const calls = callsOver(await socketOf(profile));
    await calls.call('WebDriver:NewSession', { capabilities: { alwaysMatch: {} } });
    return webDriver(
      'Firefox',
      (command, parameters) => calls.call(COMMANDS[command], parameters),
      () => program.close(),
    );
  } catch (error) {
    await program.close();
    throw error;
  }
}

const COMMANDS = {
  open: 'WebDriver:Navigate',
  script: 'WebDriver:ExecuteAsyncScript',
  actions: 'WebDriver:PerformActions',
  screenshot: 'WebDriver:TakeScreenshot',
} as const;

async function socketOf(profile: string): Promise<Socket> {
  const end = performance.now() + 60_000;
  while (performance.now() < end) {
    const port = portIn(profile);
    if (port) {
      const socket = connect(port, '127.0.0.1');
      const connected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (connected) return socket;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('Firefox: expected it to listen for commands within 60 s');
}

function portIn(profile: string): number | undefined {
  try {
    return Number(readFileSync(join(profile, 'MarionetteActivePort'), 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/** Commands are `[0, id, name, parameters]`, answers `[1, id, error, result]`. */
function callsOver(socket: Socket): Calls {
  const calls = new Calls('Firefox', (id, method, parameters) => {
    const text = JSON.stringify([0, id, method, parameters]);
    socket.write(`${Buffer.byteLength(text)}:${text}`);
  });
  let bytes = Buffer.alloc(0);
  socket.on('data', (data) => {
    bytes = Buffer.concat([bytes, data as Buffer]);
    for (;;) {
      const colon = bytes.indexOf(':');
      const length = Number(bytes.subarray(0, Math.max(0, colon)).toString());
      if (colon < 0 || bytes.length < colon + 1 + length) return;
      const message = JSON.parse(bytes.subarray(colon + 1, colon + 1 + length).toString());
      bytes = bytes.subarray(colon + 1 + length);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, error, result] = message;
      calls.answer(id, error ? `${error.error}: ${error.message}` : undefined, result);
    }
  });
  return calls;
}
