// Makes Capflow's roles (roles.json, beside this file) and one user a service, safe to repeat:
//
//   CAPFLOW_AGENT_PASSWORD=… CAPFLOW_DISPATCHER_PASSWORD=… CAPFLOW_GATEWAY_PASSWORD=… \
//   CAPFLOW_STREAMER_PASSWORD=… mongosh "mongodb://admin@host/?replicaSet=rs0" users.js
//
// A user is called as its role; a service without a password in the environment gets no user.
// Users live in the database `capflow`, so an address is
//   mongodb://capflow-agent:<password>@host/capflow?replicaSet=rs0

const { readFileSync } = require("fs");
const { join } = require("path");

const capflow = db.getSiblingDB("capflow");
const roles = JSON.parse(readFileSync(join(__dirname, "roles.json"), "utf8"));

for (const { role, privileges } of roles) {
  if (capflow.getRole(role)) capflow.updateRole(role, { privileges, roles: [] });
  else capflow.createRole({ role, privileges, roles: [] });

  const service = role.replace("capflow-", "").toUpperCase();
  const pwd = process.env[`CAPFLOW_${service}_PASSWORD`];
  if (!pwd) print(`no user ${role}: CAPFLOW_${service}_PASSWORD is not set`);
  else if (capflow.getUser(role)) capflow.updateUser(role, { pwd, roles: [role] });
  else capflow.createUser({ user: role, pwd, roles: [role] });
}
