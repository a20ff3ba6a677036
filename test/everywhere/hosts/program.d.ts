/** What test/everywhere/program.ts puts in place of these names. */
declare module 'program' {
  export default function run(request: unknown): Promise<unknown>;
}

declare module 'goldens' {
  /** The text of each test/goldens/NAME.json. */
  const texts: Record<string, string>;
  export default texts;
}
