// A Vercel edge function. The platform does not compile WebAssembly at run time, so this imports the
// kernels as a module (`?module` is Vercel's syntax) and provides them before the first layer is made.
import { useModule } from 'evenkeel';
import kernels from 'evenkeel/kernels.wasm?module';
import { answer } from '../../served.js';

export const config = { runtime: 'edge' };

useModule(kernels);

export default answer;
