"""Campaign Monitor lists kept equal to segments."""
