"""Files behind a URI: which URIs there are, the keys from the environment, and stores opened with them."""
