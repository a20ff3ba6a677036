/** workerd: a request's body in, a response's out. */
import { reply } from './reply.ts';

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await reply(await request.json()));
  },
};
