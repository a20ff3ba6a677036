/** Python source of recurrent networks and attention that take and give what those of the package do. */

export const SEQUENCE_HELPERS = {
  Recurrent: `class Recurrent:
    """The outputs of an RNN, LSTM or GRU alone, or the last state, of sequences with these lengths."""

    def __init__(self, *args, last=False, **options):
        super().__init__(*args, **options)
        self.last = last

    def forward(self, x, lengths=None):
        steps = x.shape[1 if self.batch_first else 0]
        if lengths is not None:
            x = nn.utils.rnn.pack_padded_sequence(
                x, lengths.long().cpu(), self.batch_first, enforce_sorted=False
            )
        y, state = super().forward(x)
        if self.last:
            h = state[0] if isinstance(state, tuple) else state
            return torch.cat(list(h[-2 if self.bidirectional else -1 :]), -1)
        if lengths is not None:
            y, _ = nn.utils.rnn.pad_packed_sequence(y, self.batch_first, total_length=steps)
        return y
`,

  RNN: `class RNN(Recurrent, nn.RNN):
    """The simple recurrent network."""
`,

  LSTM: `class LSTM(Recurrent, nn.LSTM):
    """Long short-term memory."""
`,

  GRU: `class GRU(Recurrent, nn.GRU):
    """The gated recurrent unit."""
`,

  MultiheadAttention: `class MultiheadAttention(nn.MultiheadAttention):
    """The output of attention alone, for x, or for query, key and value; then a mask: 1 for keys to ignore."""

    def __init__(self, *args, causal=False, **options):
        super().__init__(*args, **options)
        self.causal = causal

    def forward(self, *inputs):
        ignored = inputs[-1] != 0 if len(inputs) % 2 == 0 else None
        query, key, value = inputs[:3] if len(inputs) > 2 else inputs[:1] * 3
        axis = 1 if self.batch_first else 0
        later = query.new_ones(query.shape[axis], key.shape[axis]).triu(1) != 0
        y, _ = super().forward(
            query,
            key,
            value,
            key_padding_mask=ignored,
            need_weights=False,
            attn_mask=later if self.causal else None,
        )
        return y
`,

  TransformerEncoderLayer: `class TransformerEncoderLayer(nn.TransformerEncoderLayer):
    """A layer whose mask is 1 for positions to ignore; if causal, a position sees itself and those before it."""

    def __init__(self, *args, causal=False, batch_first=False, **options):
        super().__init__(*args, batch_first=batch_first, **options)
        self.causal = causal
        self.steps_axis = 1 if batch_first else 0

    def forward(self, x, padding=None):
        steps = x.shape[self.steps_axis]
        later = x.new_ones(steps, steps).triu(1) != 0
        ignored = None if padding is None else padding != 0
        return super().forward(x, later if self.causal else None, ignored)
`,
} as const;
