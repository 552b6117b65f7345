"""The commands of ``flask``, each thin: read the words typed, call a stage, print its answer."""
