/**
 * ONNX's order of the gates of recurrent networks: which of ours stands at each place. LSTM: i, o, f, c in the place
 * of i, f, g, o; GRU: z, r, h in that of r, z, n.
 */
export const GATES = { RNN: [0], LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] } as const;
