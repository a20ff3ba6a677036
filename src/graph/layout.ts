import type { Slot } from './slot.ts';

/**
 * Places slots so that two that are live at the same moment never overlap: largest first, each at the
 * lowest offset that is free for its whole lifetime. Returns the bytes needed.
 *
 * (Largest-first interval placement: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural
 * Net Inference", 2020.)
 */
export function layOut(slots: Iterable<Slot>): number {
  const hosts = new Set<Slot>();
  for (const slot of slots) if (slot.used) hosts.add(slot.host);
  const placed: Slot[] = [];
  let total = 0;
  for (const slot of [...hosts].sort((a, b) => b.bytes - a.bytes)) {
    let offset = 0;
    for (const other of placed) {
      if (other.to < slot.from || slot.to < other.from) continue;
      if (offset + slot.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    slot.offset = offset;
    total = Math.max(total, offset + slot.bytes);
    // Kept in order of offset, so that the scan above meets the gaps in turn.
    const at = placed.findIndex((other) => other.offset > offset);
    placed.splice(at < 0 ? placed.length : at, 0, slot);
  }
  return total;
}
