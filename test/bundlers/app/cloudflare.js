import { train } from './training.js';

export default {
  async fetch() {
    try {
      return new Response(await train());
    } catch (error) {
      return new Response(error.message, { status: 500 });
    }
  },
};
