// Restate: a service of durable steps, as its guide has it. PORT: where the server reaches it.
import * as restate from "@restatedev/restate-sdk";

const FLOW = ["validate", "reserve", "price", "charge", "invoice", "pack", "label", "ship", "notify"];

const bench = restate.service({
  name: "bench",
  handlers: {
    chain: async (ctx, steps) => {
      for (let step = 0; step < steps; step++) await ctx.run(`s${step}`, () => ({}));
    },
    flow: async (ctx, order) => {
      for (const step of FLOW) order = (await ctx.run(step, () => ({ step, order }))).order;
      return order;
    },
  },
});

restate.serve({ services: [bench], port: Number(process.env.PORT) });
