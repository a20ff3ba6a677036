/** Runs a script in a separate Node process. Several can run in parallel. */
import { spawn } from 'node:child_process';

/** Resolves when the script has succeeded; its output is shown. */
export function run(script: string, ...args: string[]): Promise<void> {
  const loader = script.endsWith('.ts') ? ['--import', 'tsx'] : [];
  const child = spawn(process.execPath, [...loader, script, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${script} ${args.join(' ')} failed`));
    });
  });
}
