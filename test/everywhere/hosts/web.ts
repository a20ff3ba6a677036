/** A page or its Worker: asks the server for requests until there are no more. */
import { reply } from './reply.ts';

for (;;) {
  const request = await (await fetch('/next', { cache: 'no-store' })).json();
  if (request === null) break;
  await fetch('/reply', { method: 'POST', body: JSON.stringify(await reply(request)) });
}
