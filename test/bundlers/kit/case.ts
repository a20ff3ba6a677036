/** What a run of the suite is made of. */
export interface Case {
  /** `Vite, build`; a run can be told to take those that contain a word. */
  readonly name: string;
  /** The package whose version is shown. */
  readonly tool?: string;
  /**
   * Tries it. Gives the hash of the weights trained at each place, which must be Node's, or nothing where
   * the case checks by itself.
   *
   * @throws Error with what went wrong
   */
  run(): Promise<Record<string, string>>;
}

/** Where the template page trains: in itself and in a Worker. */
export type Places = Record<'page' | 'Worker', string>;

/** @throws Error unless `outcome` rejects with a message like that */
export async function expectError(outcome: Promise<unknown>, expected: RegExp): Promise<void> {
  const message = await outcome.then(
    () => 'nothing',
    (error) => error.message,
  );
  if (!expected.test(message)) throw new Error(`expected ${expected}, got ${message}`);
}
