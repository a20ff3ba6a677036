/** Whether this processor has fused multiply-add, without which no engine fuses. */
import { existsSync, readFileSync } from 'node:fs';

/** ARM64 has it always, x86 since 2013. Where there is no file to ask, such a processor is assumed. */
export const fusesHere: boolean =
  process.arch !== 'x64' ||
  !existsSync('/proc/cpuinfo') ||
  /\bfma\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
