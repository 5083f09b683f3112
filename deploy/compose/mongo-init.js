// Makes the server a replica set of one (transactions and change streams need a set), waits until it takes writes, and
// gives Nexus the user that its secret describes. Safe to run again: a changed secret changes the password.
const fs = require("fs");

const HOST = "mongo:27017";
const DATABASE = "nexus_catalog";
const PATIENCE = 120_000;
const deadline = Date.now() + PATIENCE;

// Read here rather than passed on a command line, where every process of the host could see it.
const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").trim();

function eventually(attempt) {
  for (;;) {
    try {
      // Not `return attempt()`: mongosh makes calls asynchronous, and what is returned unawaited is not caught here.
      const result = attempt();
      return result;
    } catch (failure) {
      if (Date.now() > deadline) throw failure;
      sleep(500);
    }
  }
}

function open() {
  const password = encodeURIComponent(secret("mongo_root_password"));
  const admin = new Mongo(`mongodb://root:${password}@${HOST}/admin?directConnection=true`).getDB("admin");
  admin.runCommand({ ping: 1 });
  return admin;
}

function formSet(admin) {
  try {
    admin.runCommand({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: HOST }] } });
  } catch (refusal) {
    if (refusal.codeName !== "AlreadyInitialized") throw refusal;
  }
}

function requirePrimary(admin) {
  if (!admin.hello().isWritablePrimary) throw new Error("not primary yet");
}

function keepUser(database) {
  // clusterMonitor: to count connections, and nothing of anybody's data.
  const roles = [{ role: "readWrite", db: DATABASE }, { role: "clusterMonitor", db: "admin" }];
  const account = { pwd: secret("mongo_password"), roles };
  if (database.getUser("nexus")) database.updateUser("nexus", account);
  else database.createUser({ user: "nexus", ...account });
}

const admin = eventually(open);
eventually(() => formSet(admin));
eventually(() => requirePrimary(admin));
keepUser(admin.getSiblingDB(DATABASE));
print("replica set rs0 is writable and user nexus is current");
