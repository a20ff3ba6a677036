/** A script in a realm of its own: answers through a global function. */
import { reply } from './reply.ts';

Object.assign(globalThis, { reply });
