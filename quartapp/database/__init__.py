"""MongoDB: the connection, joint reads, migrations, the outbox, periodic tasks and leases."""
