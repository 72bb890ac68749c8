"""EC2: instances, machine images and launch templates; the machines make them true. The rest is MiniStack's."""
