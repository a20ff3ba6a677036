// For runtimes without a page.
import { train } from './training.js';

train().then(console.log);
