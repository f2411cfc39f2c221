"""Running a task over inputs, in this process or in a pool of worker processes."""
