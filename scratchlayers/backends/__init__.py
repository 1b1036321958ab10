"""How is it computed here? One backend a module, each a set of kernels for the contract."""
