"""An open-model load generator in a process of its own: nothing that a server does changes what is sent when."""
