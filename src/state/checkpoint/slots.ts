/** The newest checkpoint and the one before, at one place. */
export interface Slots {
  /** The contents that are there, the newest first. */
  contents(): AsyncIterable<{ readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }>;
  /** Replaces the one before by the newest (unless that is not `sound`), and the newest by `bytes`. */
  replace(bytes: Uint8Array, sound: boolean): Promise<void>;
  remove(): Promise<void>;
}
