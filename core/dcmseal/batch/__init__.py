"""Many instances: found, spread over worker processes, and answered one by one."""
