"""Starting, running and stopping a server: listening sockets, Hypercorn, worker processes."""
