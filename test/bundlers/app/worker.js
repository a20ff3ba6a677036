import { serve } from 'evenkeel/worker';
import { prepare } from './training.js';

serve((_, signal) => prepare(signal));
