// For `mongosh --nodb`: makes the members a replica set, and the user of the servers, or gives that
// user the password of today. Nothing here is in a command line, which every user of a machine reads.
//
//   MEMBERS         the members, such as mongo1:27017,mongo2:27017,mongo3:27017
//   MONGO_KEY       the content of the members' key file
//   MONGO_PASSWORD  the password of the user `quartapp`, who reads and writes the database `school`

const hosts = process.env.MEMBERS.split(",")
// The key is the password of the members for each other, and needs no user that is stored.
const options = "authSource=local&authMechanism=SCRAM-SHA-256"
const open = (addresses, more) =>
  connect(`mongodb://__system:${encodeURIComponent(process.env.MONGO_KEY)}@${addresses}/?${options}&${more}`)

const first = open(hosts[0], "directConnection=true").getSiblingDB("admin")
try {
  first.runCommand({replSetGetStatus: 1})
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error
  first.runCommand({
    replSetInitiate: {
      _id: "rs0",
      members: hosts.map((host, _id) => ({_id, host, priority: _id === 0 ? 2 : 1})),
    },
  })
}
while (!first.runCommand({replSetGetStatus: 1}).members.some(one => one.stateStr === "PRIMARY")) sleep(200)

const school = open(hosts.join(","), "replicaSet=rs0").getSiblingDB("school")
const user = {
  pwd: process.env.MONGO_PASSWORD,
  roles: [{role: "readWrite", db: "school"}],
  mechanisms: ["SCRAM-SHA-256"],
}
if (school.getUser("quartapp")) school.updateUser("quartapp", user)
else school.createUser({user: "quartapp", ...user})
