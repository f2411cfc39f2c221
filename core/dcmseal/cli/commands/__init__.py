"""The commands, one a module: ``configure(parser)`` gives it its arguments, ``run(options)`` does it."""
