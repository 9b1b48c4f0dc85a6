"""The commands: a file each, with parse() and main()."""
