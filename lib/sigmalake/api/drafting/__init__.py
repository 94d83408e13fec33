"""A first configuration, drafted from what files hold."""
