/** What test/everywhere/program.ts puts in place of these names. */
declare module 'program' {
  export default function run(request: unknown): Promise<unknown>;
}

declare module 'goldens' {
  /** The text of each test/goldens/NAME.json. */
  const texts: Record<string, string>;
  export default texts;
}

declare module 'ops' {
  /** The checks that each file of test/everywhere/ops exports, by the file's name. */
  const checks: Record<string, import('../checks/check.ts').Check[]>;
  export default checks;
}
