/** What workerd makes of an imported `.wasm`; scripts/bundle.ts puts the files beside the bundles. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
