// An edge function as Vercel has them. Its platform compiles no WebAssembly while it runs: it imports
// the kernels as a module (`?module` is its way to say so), and hands them over before the first layer.
import { useModule } from 'evenkeel';
import kernels from 'evenkeel/kernels.wasm?module';
import { answer } from '../../served.js';

export const config = { runtime: 'edge' };

useModule(kernels);

export default answer;
