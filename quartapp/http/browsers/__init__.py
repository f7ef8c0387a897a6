"""What browsers need: pages, their files, protective headers, and requests of other origins."""
