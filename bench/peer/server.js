// Starts the server: MONGODB_URI, JWT_SECRET, PORT and STORE_MARKS come from the environment.
import { createServer } from "node:http";
import mongoose from "mongoose";
import { app } from "./app.js";
import { serveWebSockets } from "./live.js";

const { MONGODB_URI, JWT_SECRET, PORT = "3000" } = process.env;
if (!MONGODB_URI || !JWT_SECRET) throw new Error("MONGODB_URI and JWT_SECRET are needed");

await mongoose.connect(MONGODB_URI);
await Promise.all(Object.values(mongoose.models).map((model) => model.init()));

const server = createServer(app);
serveWebSockets(server);
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`server running on PORT ${server.address().port}`);
});
