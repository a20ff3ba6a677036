/** Whether an entry of this name counts: PyTorch's batch norms count the batches they have seen, as int64. */
export function isCounter(name: string): boolean {
  return name.endsWith('num_batches_tracked');
}
