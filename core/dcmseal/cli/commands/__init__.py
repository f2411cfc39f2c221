"""The commands, one per module: ``configure(parser)`` adds its arguments, ``run(options)`` runs it."""
