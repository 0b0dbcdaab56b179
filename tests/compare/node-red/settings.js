// Node-RED for the comparison: no editor, warnings only, and what the flow's function may use. Everything comes from the environment.
const crypto = require("node:crypto");
const { Pool } = require(process.env.COMPARE_NODE + "/node_modules/pg");

module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.COMPARE_PORT),
  httpAdminRoot: false,
  logging: { console: { level: "warn", metrics: false, audit: false } },
  functionGlobalContext: {
    crypto,
    secret: process.env.COMPARE_SECRET,
    // `max` is pg's own default: enough for eight callers.
    pool: new Pool({ host: process.env.COMPARE_SOCKET, user: "muara", database: "nodered", max: 10 }),
  },
};
